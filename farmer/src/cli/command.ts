import {
  CodedError,
  formatUnknownVariables,
  type ProcessOutput,
  runUnlessAborted,
  SettingsError,
  toFlags,
} from '@downstream/platform';
import { StopRequest } from '@downstream/platform/signals';
import { CommanderError, InvalidArgumentError } from 'commander';
import { listUnknownVariables, nameUsedSettings, readConfig, readNodeConfig } from '../config.ts';
import { findUnverifiedNodes } from '../node/network.ts';
import { SETTINGS } from '../settings.ts';
import { addCommands } from './commands.ts';
import { EXIT } from './exit-codes.ts';
import type { FlagInput } from './options.ts';
import { createProgram } from './program.ts';
import { run } from './run.ts';
import { verifyOwnership } from './verify-ownership.ts';

export interface Output {
  readonly out: (content: string | Uint8Array) => void;
  readonly err: (text: string) => void;
  /** The streams behind `out` and `err`. */
  readonly output: Pick<ProcessOutput, 'subscribe' | 'flush' | 'openFile'>;
}

/**
 * Runs the `downstream` command.
 *
 * @param args without runtime and script
 * @param stop stops the farmer, or interrupts another command
 * @returns the exit code: one of `EXIT`, or 130 or 143 if a signal interrupted a command
 */
export async function runCommand(
  args: readonly string[],
  { out, err, output }: Output,
  stop: AbortSignal = new AbortController().signal,
): Promise<number> {
  let exitCode: number = EXIT.OK;
  const perform = async (command: () => Promise<number>) => {
    exitCode = await runUnlessAborted(stop, command);
    // A pager may read slowly.
    await runUnlessAborted(stop, async () => await output.flush(Number.POSITIVE_INFINITY));
  };
  const print = (line: string) => out(`${line}\n`);
  const write = async (content: string | Uint8Array) => {
    out(content);
    return await output.flush(Number.POSITIVE_INFINITY);
  };
  let input: FlagInput = {};
  let warnings = formatUnknownVariables(listUnknownVariables());
  const warnOnce = () => {
    if (warnings !== '') err(warnings);
    warnings = '';
  };
  const program = createProgram(
    {
      run: async (flagInput) => {
        input = flagInput;
        exitCode = await run(readConfig(input), { output, stop });
      },
      verifyOwnership: async (options, flagInput) => {
        input = flagInput;
        warnOnce();
        const config = readNodeConfig(input);
        for (const { url } of findUnverifiedNodes(config))
          err(`warning: the certificate of ${url} is not verified (FARMER_SSL_NO_VERIFY)\n`);
        await perform(async () => await verifyOwnership(options, config, print));
      },
      addCommands: (root) => addCommands(root, { print, write, perform }),
    },
    { out, err },
  );
  program.hook('preAction', (_program, called) => {
    input = { flags: toFlags(SETTINGS, called.optsWithGlobals()) };
    // A farmer logs these warnings, and `config` and `check` list them.
    if (called !== program && called.name() !== 'config' && called.name() !== 'check') warnOnce();
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof SettingsError) warnOnce();
    return reportError(error, (text) => err(nameUsedSettings(text, input)));
  }
}

function reportError(error: unknown, err: (text: string) => void): number {
  if (error instanceof StopRequest) return error.exitCode;
  if (error instanceof CommanderError) {
    if (error instanceof InvalidArgumentError) err(`error: ${error.message}\n`);
    return error.exitCode === 0 ? EXIT.OK : EXIT.ERROR;
  }
  if (!(error instanceof CodedError)) throw error;
  for (const line of error.message.split('\n')) err(`error: ${line}\n`);
  return EXIT.ERROR;
}
