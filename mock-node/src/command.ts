import {
  CodedError,
  createLogger,
  formatBuild,
  formatSettingHelp,
  formatUnknownVariables,
  maskUsageError,
  type ProcessOutput,
  runUnlessAborted,
  SettingsError,
  type SettingsInput,
  toFlags,
  waitForAbort,
} from '@downstream/platform';
import { StopRequest } from '@downstream/platform/signals';
import { Command, CommanderError } from 'commander';
import { startMockNode } from './app.ts';
import { BUILD } from './build.ts';
import { listUnknownVariables, nameUsedSettings, readConfig, SETTINGS } from './config.ts';

/**
 * Runs the node until `stop` aborts. Prints one line when it is ready.
 *
 * @param args without runtime and script
 * @returns the exit code, as in {@link HELP_END}
 */
export async function runCommand(
  args: readonly string[],
  { output, stop }: { output: Pick<ProcessOutput, 'subscribe'>; stop: AbortSignal },
): Promise<number> {
  const program = createProgram();
  let input: Partial<SettingsInput> = {};
  let unknown = listUnknownVariables();
  try {
    program.parse(args[0] === 'help' ? ['--help'] : args, { from: 'user' });
    input = { flags: toFlags(SETTINGS, program.opts()) };
    const config = readConfig(input);
    const log = createLogger({
      level: config.logLevel,
      format: config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json'),
      stream: process.stderr,
    });
    for (const variable of unknown) log.warn('unknown environment variable', { ...variable });
    unknown = [];
    const node = await runUnlessAborted(stop, async () => await startMockNode(config, { log, output }));
    const control = node.controlPort === undefined ? '' : ` control=:${node.controlPort}`;
    process.stdout.write(`mock-node ready api=:${node.port}${control} seed=${node.controller.seed}\n`);
    await waitForAbort(stop);
    await node.close();
    return 0;
  } catch (error) {
    if (error instanceof StopRequest) return 0;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof CodedError)) throw error;
    if (error instanceof SettingsError) process.stderr.write(formatUnknownVariables(unknown));
    for (const line of nameUsedSettings(error.message, input).split('\n')) process.stderr.write(`error: ${line}\n`);
    return 2;
  }
}

const HELP_END = `
Every setting is also an environment variable; the option takes precedence.

Exit codes:
  0    stopped by a signal
  1    an unexpected error
  2    wrong usage, an invalid setting, or the node could not start
  137  killed, such as by a second signal`;

function createProgram(): Command {
  const program = new Command('mock-node')
    .description('A storage node for development and tests: it verifies every answer and can inject faults.')
    .version(formatBuild(BUILD))
    .addHelpText('after', HELP_END)
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(maskUsageError(text)) });
  for (const setting of Object.values(SETTINGS))
    program.option(`${setting.flag} ${setting.value}`, formatSettingHelp(setting));
  return program;
}
