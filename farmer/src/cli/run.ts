import { createLogger, LogTail, type ProcessOutput, Secrets, waitForAbort } from '@downstream/platform';
import { StopRequest } from '@downstream/platform/signals';
import { startFarmer } from '../app.ts';
import { type FarmerConfig, findProxyVariables, listUnknownVariables } from '../config.ts';
import { ChunkProgressBar } from './progress-bar.ts';
import { StatusLogger } from './status-logger.ts';

/**
 * Runs the farmer in the foreground until `stop` aborts.
 *
 * @returns the exit code: 0 after a clean shutdown, otherwise 1
 */
export async function run(
  config: FarmerConfig,
  { output, stop }: { output: Pick<ProcessOutput, 'subscribe'>; stop: AbortSignal },
): Promise<number> {
  const progress = new ChunkProgressBar(process.stdout);
  const secrets = new Secrets();
  const tail = new LogTail();
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    stream: progress.logStream,
    secrets,
    tail,
  });
  for (const unknown of listUnknownVariables()) log.warn('unknown environment variable', { ...unknown });
  const ignored = findProxyVariables();
  if (config.proxyUrl === undefined && ignored.length > 0)
    log.warn('proxy variables ignored', { variables: ignored.join(' '), use: 'FARMER_PROXY' });
  process.on('SIGHUP', () => log.info('hangup ignored'));
  const fault = new AbortController();
  const onFault = (error: unknown) => {
    log.error('unexpected error, shutting down', { error });
    fault.abort(error);
  };
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) process.on(event, onFault);
  const end = AbortSignal.any([stop, fault.signal]);
  void waitForAbort(end).then(() => {
    const { reason } = end;
    log.info('farmer stopping', { reason: reason instanceof StopRequest ? reason.signal : 'error' });
  });

  let isClean = true;
  try {
    const app = await startFarmer(config, { log, secrets, tail, output, onFault, signal: end });
    // To a parent process that opened a channel for messages, such as `npm start` or a process manager.
    process.send?.({ type: 'ready', url: app.url });
    const statusLogger = new StatusLogger({ status: app.status, log, progress });
    statusLogger.start();
    await waitForAbort(end);
    statusLogger.stop();
    isClean = await app.stop();
  } catch (error) {
    // The start was aborted, and everything that had been started is stopped.
    if (!end.aborted) throw error;
  }
  log.flush();
  if (isClean) log.info('farmer stopped');
  else log.error('farmer stopped, but some components did not close in time');
  return isClean && !fault.signal.aborted ? 0 : 1;
}
