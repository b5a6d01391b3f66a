import { createLogger, LogTail } from '@downstream/platform';
import { startFarmer } from '../app.ts';
import { type FarmerConfig, findUnknownVariables } from '../config.ts';
import { ChunkProgressBar } from './progress-bar.ts';
import { StatusLogger } from './status-logger.ts';

/**
 * Runs the farmer in the foreground until SIGTERM or SIGINT; a second signal exits immediately.
 *
 * @returns the exit code: 0 after a clean shutdown, otherwise 1
 */
export async function run(config: FarmerConfig): Promise<number> {
  const progress = new ChunkProgressBar(process.stdout);
  const secrets = new Set<string>();
  const tail = new LogTail();
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    stream: progress.logStream,
    secrets,
    tail,
  });
  for (const unknown of findUnknownVariables()) log.warn('unknown environment variable', { ...unknown });
  const stopRequest = Promise.withResolvers<string>();
  const onFault = (error: unknown) => {
    log.error('unexpected error, shutting down', { error });
    stopRequest.resolve('error');
  };
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) process.on(event, onFault);
  const app = await startFarmer(config, { log, secrets, tail, onFault });
  onStopSignal((signal) => stopRequest.resolve(signal));
  const statusLogger = new StatusLogger({ status: app.status, log, progress });
  statusLogger.start();

  const reason = await stopRequest.promise;
  statusLogger.stop();
  log.info('farmer stopping', { reason });
  const clean = await app.stop();
  if (clean) log.info('farmer stopped');
  else log.error('farmer stopped, but some components did not close in time');
  return clean && reason !== 'error' ? 0 : 1;
}

function onStopSignal(stop: (signal: string) => void): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) process.kill(process.pid, 'SIGKILL');
      isStopping = true;
      stop(signal);
    });
  }
}
