import { type Clock, systemClock } from './clock.ts';
import { CodedError } from './errors.ts';
import { onAbort } from './on-abort.ts';

/** An operation exceeded its timeout. An abort by the caller is not a timeout. */
export class TimeoutError extends CodedError<'timeout'> {
  constructor(timeoutMs: number) {
    super('timeout', `no result within ${timeoutMs} ms`, { timeoutMs });
  }
}

/**
 * Runs `work` with a signal that aborts after `timeoutMs`, or when `signal` aborts.
 *
 * @throws TimeoutError after the timeout; the signal's reason after an abort; otherwise whatever `work` throws
 */
export async function withTimeout<T>(
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const unsubscribe = signal && onAbort(signal, () => controller.abort(signal.reason));
  const timer = setTimeout(() => controller.abort(new TimeoutError(timeoutMs)), timeoutMs);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    unsubscribe?.();
  }
}

/**
 * Runs work that cannot be aborted, unless the signal has aborted. After an abort the work continues, and its result is
 * ignored.
 *
 * @throws the signal's reason after an abort; otherwise whatever the work throws
 */
export async function runUnlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const unsubscribe = onAbort(signal, () => aborted.reject(signal.reason));
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    unsubscribe();
  }
}

/**
 * Waits for work that cannot be aborted. After the timeout the work continues, and its result is ignored.
 *
 * @throws TimeoutError after the timeout; otherwise whatever the work throws
 */
export async function waitAtMost<T>(
  timeoutMs: number,
  work: Promise<T>,
  clock: Pick<Clock, 'sleep'> = systemClock,
): Promise<T> {
  const done = new AbortController();
  const timeout = async (): Promise<never> => {
    await clock.sleep(timeoutMs, done.signal);
    throw new TimeoutError(timeoutMs);
  };
  try {
    return await Promise.race([work, timeout()]);
  } finally {
    done.abort();
  }
}
