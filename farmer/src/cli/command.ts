import { resolve } from 'node:path';
import {
  CodedError,
  findPathMistake,
  formatSettingHelp,
  maskCredentials,
  maskUsageError,
  type ProcessOutput,
  runUnlessAborted,
  type Setting,
  toFlags,
} from '@downstream/platform';
import { StopRequest } from '@downstream/platform/signals';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type CommandConfig, readCommandConfig, readConfig, readNodeConfig } from '../config.ts';
import { DEFAULT_ENTRIES, MAX_ENTRIES } from '../control/reports.ts';
import { SETTINGS } from '../settings.ts';
import { VERSION } from '../version.ts';
import { backup } from './backup.ts';
import { exitNodes } from './exit.ts';
import { explain } from './explain.ts';
import { run } from './run.ts';
import { scrub } from './scrub.ts';
import { verifyOwnership } from './verify-ownership.ts';

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The streams behind `out` and `err`. */
  readonly output: Pick<ProcessOutput, 'subscribe' | 'flush'>;
}

type Flags = Record<string, string | boolean | undefined>;

/**
 * Runs the `downstream` command.
 *
 * @param args without runtime and script
 * @param stop stops the farmer, or interrupts another command
 * @returns the exit code: 0 success; 1 mismatch, damaged chunk or failure while running; 2 wrong usage, invalid
 *   settings or another error; 130 or 143 if a signal interrupted a command
 */
export async function runCommand(
  args: readonly string[],
  { out, err, output }: Output,
  stop: AbortSignal = new AbortController().signal,
): Promise<number> {
  let exitCode = 0;
  const interruptible = async (work: () => Promise<number>) => {
    exitCode = await runUnlessAborted(stop, work);
    // A pager may read slowly.
    await runUnlessAborted(stop, async () => await output.flush(Number.POSITIVE_INFINITY));
  };
  const print = (line: string) => out(`${line}\n`);
  const commanderOutput = { writeOut: out, writeErr: (text: string) => err(maskUsageError(text)) };
  const program = new Command('downstream')
    .description(
      'Farms storage: accepts contracts from nodes, stores their chunks, and proves them before each deadline.',
    )
    .argument('[node_url]', `URL of the node (default: ${SETTINGS.nodes.default})`)
    .option('--verify-ownership <file>', 'prove that this machine has the same file as the node, then exit')
    .version(VERSION)
    .addHelpText('after', '\nEvery setting is also an environment variable; the option takes precedence.')
    .exitOverride()
    .configureOutput(commanderOutput);
  for (const setting of Object.values(SETTINGS)) program.addOption(toOption(setting));
  program.action(async (nodeUrl: string | undefined, options: Flags) => {
    const { verifyOwnership: file, ...settings } = options;
    const flags = toNodeFlags(nodeUrl, settings);
    if (typeof file !== 'string') exitCode = await run(readConfig({ flags }), { output, stop });
    else await interruptible(async () => await verifyOwnership(file, readNodeConfig({ flags }), print));
  });
  const addCommand = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .addOption(toOption(SETTINGS.folders))
      .exitOverride()
      .configureOutput(commanderOutput);
  addCommand(
    'scrub',
    'Verify every chunk now and rebuild damaged ones. Exit code 1 if a chunk is damaged or missing.',
  ).action(async (_options: Flags, called: Command) => {
    await interruptible(async () => await scrub(toCommandConfig(called), print));
  });
  addCommand(
    'exit',
    'Release all contracts and delete their chunks. The farmer continues if this command is interrupted.',
  )
    .option('--node <alias>', 'exit only this node')
    .option('--cancel', 'cancel the exit: keep the remaining contracts')
    .option('--yes', 'do not ask for confirmation')
    .action(async ({ node, cancel, yes }: Flags, called: Command) => {
      const options = { node: typeof node === 'string' ? node : undefined, cancel: cancel === true, yes: yes === true };
      await interruptible(async () => await exitNodes(toCommandConfig(called), options, print));
    });
  addCommand(
    'backup <file>',
    'Write a consistent copy of the state, also while the farmer is running. Contains secrets.',
  ).action(async (file: string, _options: Flags, called: Command) => {
    await interruptible(async () => await backup(toCommandConfig(called), toPath(file), print));
  });
  addCommand(
    'explain <contract>',
    "Show why a contract's last challenges passed or failed. Needs at least 6 characters of its id.",
  )
    .addOption(
      new Option('--last <count>', `maximum number of challenges (up to ${MAX_ENTRIES})`)
        .default(DEFAULT_ENTRIES)
        .argParser(parseCount),
    )
    .action(async (id: string, { last }: { last: number }, called: Command) => {
      await interruptible(async () => await explain(toCommandConfig(called), { id, last }, print));
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportError(error, err);
  }
}

function parseCount(input: string): number {
  const count = Number(input);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_ENTRIES) return count;
  throw new InvalidArgumentError(`Expected an integer from 1 to ${MAX_ENTRIES}.`);
}

function toPath(input: string): string {
  const mistake = findPathMistake(input);
  if (mistake === undefined) return resolve(input);
  throw new InvalidArgumentError(`the path ${JSON.stringify(input)} is invalid: ${mistake}`);
}

function toOption(setting: Setting): Option {
  return new Option([setting.flag, setting.value].filter(Boolean).join(' '), formatSettingHelp(setting));
}

function toCommandConfig(called: Command): CommandConfig {
  return readCommandConfig({ flags: toFlags(SETTINGS, called.optsWithGlobals()) });
}

function toNodeFlags(nodeUrl: string | undefined, settings: Flags): Flags {
  if (nodeUrl !== undefined && !nodeUrl.includes('://')) {
    throw new InvalidArgumentError(
      `unknown command ${JSON.stringify(maskCredentials(nodeUrl))}: expected a command (see downstream --help) or the URL of a node`,
    );
  }
  if (nodeUrl !== undefined && settings['nodeUrl'] !== undefined) {
    throw new InvalidArgumentError('the node is given twice: use either the argument or --node-url');
  }
  return toFlags(SETTINGS, { ...settings, ...(nodeUrl !== undefined && { nodeUrl }) });
}

function reportError(error: unknown, err: (text: string) => void): number {
  if (error instanceof StopRequest) return error.exitCode;
  if (error instanceof CommanderError) {
    if (error instanceof InvalidArgumentError) err(`error: ${error.message}\n`);
    return error.exitCode === 0 ? 0 : 2;
  }
  if (!(error instanceof CodedError)) throw error;
  for (const line of error.message.split('\n')) err(`error: ${line}\n`);
  return 2;
}
