import { createLogger, type Logger, LogTail } from '@downstream/platform';
import { startFarmer } from '../app.ts';
import { type FarmerConfig, findUnknownVariables } from '../config.ts';
import { ChunkProgressBar } from './progress-bar.ts';
import { StatusLogger } from './status-logger.ts';

/**
 * `downstream`: runs the farmer in the foreground until SIGTERM or SIGINT; a second signal exits at once.
 *
 * @returns the exit code: 0 after a clean stop, 1 after a fault
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
  for (const variable of findUnknownVariables()) log.warn('there is no such setting', { variable });
  const end = Promise.withResolvers<string>();
  const onFault = (error: unknown) => {
    log.error('farming broke down', { error });
    end.resolve('fault');
  };
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) process.on(event, onFault);
  const app = await startFarmer(config, { log, secrets, tail, onFault });
  onStopSignal((signal) => end.resolve(signal));
  const summary = new StatusLogger({ status: app.status, log, progress });
  summary.start();

  const reason = await end.promise;
  summary.stop();
  log.info('stopping', { reason });
  const clean = await app.stop();
  logEnd(log, clean);
  return clean && reason !== 'fault' ? 0 : 1;
}

function onStopSignal(stop: (signal: string) => void): void {
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.kill(process.pid, 'SIGKILL');
      asked = true;
      stop(signal);
    });
  }
}

function logEnd(log: Logger, clean: boolean): void {
  if (clean) log.info('stopped');
  else log.error('stopped, but not everything was closed in time');
}
