import { CodedError, createLogger, formatSettingHelp, ignoreOutputErrors, toFlags } from '@downstream/platform';
import { Command, CommanderError } from 'commander';
import { startMockNode } from './app.ts';
import { readConfig, SETTINGS } from './config.ts';

/** Runs the node until SIGTERM or SIGINT. Prints one line when it is ready. */
async function main(args: readonly string[]): Promise<number> {
  const program = new Command('mock-node')
    .description('A storage node for development and tests: it verifies every answer and can inject faults.')
    .exitOverride();
  for (const setting of Object.values(SETTINGS))
    program.option(`${setting.flag} ${setting.value}`, formatSettingHelp(setting));
  try {
    program.parse(args, { from: 'user' });
    const config = readConfig({ flags: toFlags(SETTINGS, program.opts()) });
    const stopped = Promise.race(
      ['SIGTERM', 'SIGINT'].map((signal) => new Promise((resolve) => process.once(signal, resolve))),
    );
    const log = createLogger({
      level: config.logLevel,
      format: config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json'),
      stream: process.stderr,
    });
    const node = await startMockNode(config, { log });
    const control = node.controlPort === undefined ? '' : ` control=:${node.controlPort}`;
    process.stdout.write(`mock-node ready api=:${node.port}${control} seed=${config.seed}\n`);
    await stopped;
    await node.close();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof CodedError)) throw error;
    for (const line of error.message.split('\n')) process.stderr.write(`error: ${line}\n`);
    return 2;
  }
}

ignoreOutputErrors();
process.exit(await main(process.argv.slice(2)));
