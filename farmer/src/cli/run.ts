import { Writable } from 'node:stream';
import { createLogger, LogTail, type ProcessOutput, Secrets, waitForAbort } from '@downstream/platform';
import { StopRequest } from '@downstream/platform/signals';
import { startFarmer } from '../app.ts';
import { type FarmerConfig, findProxyVariables, listUnknownVariables } from '../config.ts';
import { openLogFile } from '../log-file.ts';
import { ChallengeGoal, GoalReached } from './challenge-goal.ts';
import { ChunkProgressBar } from './progress-bar.ts';
import { StatusLogger } from './status-logger.ts';

export interface RunContext {
  readonly output: Pick<ProcessOutput, 'subscribe' | 'openFile'>;
  readonly stop: AbortSignal;
}

/**
 * Runs the farmer in the foreground until `stop` aborts, or until as many challenges have passed as are wanted.
 *
 * @returns the exit code: 0 after a clean shutdown, otherwise 1
 */
export async function run(config: FarmerConfig, { output, stop }: RunContext): Promise<number> {
  const { quiet, printLog } = config;
  const progress = new ChunkProgressBar(process.stdout, { isVisible: !quiet && !printLog });
  const secrets = new Secrets();
  if (config.identity !== undefined) secrets.protect(config.identity.signature);
  const tail = new LogTail();
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    stream: quiet && !printLog ? createSink() : progress.logStream,
    copy: await openLogFile(config, output),
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
  const goal = new ChallengeGoal(config.challengeCount);
  const onChallengePassed = () => goal.recordPassed();
  const end = AbortSignal.any([stop, fault.signal, goal.signal]);
  void waitForAbort(end).then(() => log.info('farmer stopping', { reason: toStopReason(end.reason) }));

  let isClean = true;
  try {
    const app = await startFarmer(config, { log, secrets, tail, output, onChallengePassed, onFault, signal: end });
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
  if (isClean) log.info('farmer stopped', { passed: goal.passed });
  else log.error('farmer stopped, but some components did not close in time');
  return isClean && !fault.signal.aborted ? 0 : 1;
}

function toStopReason(reason: unknown): string {
  if (reason instanceof StopRequest) return reason.signal;
  return reason instanceof GoalReached ? 'challenges passed' : 'error';
}

function createSink(): Writable {
  return new Writable({ write: (_line, _encoding, done) => done() });
}
