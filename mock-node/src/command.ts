import {
  CodedError,
  createLogger,
  formatBuild,
  formatSettingHelp,
  maskUsageError,
  type ProcessOutput,
  runUnlessAborted,
  toFlags,
  waitForAbort,
} from '@downstream/platform';
import { StopRequest } from '@downstream/platform/signals';
import { Command, CommanderError } from 'commander';
import { startMockNode } from './app.ts';
import { BUILD } from './build.ts';
import { readConfig, SETTINGS } from './config.ts';

/**
 * Runs the node until `stop` aborts. Prints one line when it is ready.
 *
 * @param args without runtime and script
 * @returns the exit code: 0 after a signal, 2 if the node could not be started
 */
export async function runCommand(
  args: readonly string[],
  { output, stop }: { output: Pick<ProcessOutput, 'subscribe'>; stop: AbortSignal },
): Promise<number> {
  const program = new Command('mock-node')
    .description('A storage node for development and tests: it verifies every answer and can inject faults.')
    .version(formatBuild(BUILD))
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(maskUsageError(text)) });
  for (const setting of Object.values(SETTINGS))
    program.option(`${setting.flag} ${setting.value}`, formatSettingHelp(setting));
  try {
    program.parse(args, { from: 'user' });
    const config = readConfig({ flags: toFlags(SETTINGS, program.opts()) });
    const log = createLogger({
      level: config.logLevel,
      format: config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json'),
      stream: process.stderr,
    });
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
    for (const line of error.message.split('\n')) process.stderr.write(`error: ${line}\n`);
    return 2;
  }
}
