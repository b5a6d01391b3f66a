import { resolve } from 'node:path';
import { CodedError, type Setting, SettingsError, toFlags } from '@downstream/platform';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type CommandConfig, readCommandConfig, readConfig, readNodeUrl } from '../config.ts';
import { DEFAULT_ENTRIES, MAX_ENTRIES } from '../control/reports.ts';
import { SETTINGS } from '../settings.ts';
import { VERSION } from '../version.ts';
import { backup, explainContract, leave, scrub } from './ask.ts';
import { run } from './run.ts';
import { verifyOwnership } from './verify-ownership.ts';

/** Where a command writes what it has to say. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

type Flags = Record<string, string | boolean | undefined>;

/**
 * The `downstream` command, from its arguments to its exit code: 0 done, 1 a mismatch or a fault, 2 a wrong call, wrong
 * settings, or an error.
 *
 * @param args without the runtime and the script
 */
export async function command(args: readonly string[], { out, err }: Output): Promise<number> {
  let exitCode = 0;
  const program = new Command('downstream')
    .description('Farms storage: takes contracts from a node, keeps their chunks, and proves them on deadline.')
    .argument('[node_url]', `the node (default: ${SETTINGS.nodes.default})`)
    .option('--verify-ownership <file>', 'show that this machine holds the same file as the node, then exit')
    .version(VERSION)
    .addHelpText('after', '\nEvery flag can be given as an environment variable too; the flag wins.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err });
  for (const setting of Object.values(SETTINGS)) program.addOption(toOption(setting));
  program.action(async (nodeUrl: string | undefined, options: Flags) => {
    exitCode = await perform(nodeUrl, options, out);
  });
  const asking = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .addOption(toOption(SETTINGS.folders))
      .exitOverride()
      .configureOutput({ writeOut: out, writeErr: err });
  const print = (line: string) => out(`${line}\n`);
  asking(
    'scrub',
    'Reads every chunk now and compares it with its hash; bad ones are made again. 1 where one was bad or missing.',
  ).action(async (_options: Flags, called: Command) => {
    exitCode = await scrub(toCommandConfig(called), print);
  });
  asking('exit', 'Gives all contracts back and deletes their chunks. Goes on by itself when it is interrupted.')
    .option('--node <alias>', 'leave only this node, and stay with the others')
    .option('--cancel', 'stay after all')
    .option('--yes', 'do not ask')
    .action(async ({ node, cancel, yes }: Flags, called: Command) => {
      const wanted = { node: typeof node === 'string' ? node : undefined, cancel: cancel === true, yes: yes === true };
      exitCode = await leave(toCommandConfig(called), wanted, print);
    });
  asking('backup <file>', 'Writes a consistent copy of the state, also while the farmer runs. Holds secrets.').action(
    async (file: string, _options: Flags, called: Command) => {
      exitCode = await backup(toCommandConfig(called), resolve(file), print);
    },
  );
  asking(
    'explain <contract>',
    "Says why a contract's last challenges came out as they did. Six characters of its id will do.",
  )
    .addOption(
      new Option('--last <count>', `how many challenges at most (up to ${MAX_ENTRIES})`)
        .default(DEFAULT_ENTRIES)
        .argParser(parseCount),
    )
    .action(async (id: string, { last }: { last: number }, called: Command) => {
      exitCode = await explainContract(toCommandConfig(called), { id, last }, print);
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failure(error, err);
  }
}

function parseCount(given: string): number {
  const count = Number(given);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_ENTRIES) return count;
  throw new InvalidArgumentError(`Give a whole number from 1 to ${MAX_ENTRIES}.`);
}

function toOption(setting: Setting): Option {
  const { flag, value, env, description, default: text, defaultDescription } = setting;
  const note = defaultDescription ?? `\`${text}\``;
  const help = [description, note && `(default: ${note};`, note ? `${env})` : `(${env})`].filter(Boolean).join(' ');
  return new Option([flag, value].filter(Boolean).join(' '), help.replaceAll('`', ''));
}

function toCommandConfig(called: Command): CommandConfig {
  return readCommandConfig({ flags: toFlags(SETTINGS, called.optsWithGlobals()) });
}

async function perform(nodeUrl: string | undefined, options: Flags, out: (text: string) => void): Promise<number> {
  const { verifyOwnership: file, ...given } = options;
  if (nodeUrl !== undefined && !nodeUrl.includes('://')) {
    throw new InvalidArgumentError(
      `${JSON.stringify(nodeUrl)} is no command (downstream --help has them), and no URL of a node`,
    );
  }
  if (nodeUrl !== undefined && given['nodeUrl'] !== undefined) {
    throw new InvalidArgumentError('give the node once: as an argument or as --node-url');
  }
  const flags = toFlags(SETTINGS, { ...given, ...(nodeUrl !== undefined && { nodeUrl }) });
  if (typeof file !== 'string') return await run(readConfig({ flags }));
  return await verifyOwnership(file, readNodeUrl({ flags }), (line) => out(`${line}\n`));
}

function failure(error: unknown, err: (text: string) => void): number {
  if (error instanceof CommanderError) {
    if (error instanceof InvalidArgumentError) err(`error: ${error.message}\n`);
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof SettingsError) {
    for (const line of error.message.split('\n')) err(`error: ${line}\n`);
    return 2;
  }
  if (error instanceof CodedError) {
    err(`error: ${error.message}\n`);
    return 2;
  }
  throw error;
}
