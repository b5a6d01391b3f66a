import { type Clock, systemClock } from './clock.ts';
import { CodedError } from './errors.ts';
import { onAbort } from './on-abort.ts';

/** The work took longer than it was given: told apart from an abort, which is somebody's wish. */
export class TimeoutError extends CodedError<'timeout'> {
  constructor(timeoutMs: number) {
    super('timeout', `no result within ${timeoutMs} ms`, { timeoutMs });
  }
}

/**
 * Runs `work` under a signal that aborts when `signal` does or when `timeoutMs` have passed.
 *
 * @throws TimeoutError when time ran out; the signal's reason when it was aborted; else what `work` throws
 */
export async function withTimeout<T>(
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const forget = signal && onAbort(signal, () => controller.abort(signal.reason));
  const timer = setTimeout(() => controller.abort(new TimeoutError(timeoutMs)), timeoutMs);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}

/**
 * Waits for work that no signal ends. SettingsInput up, it goes on, and nobody hears of it.
 *
 * @throws TimeoutError when time ran out; else what the work throws
 */
export async function waitAtMost<T>(
  timeoutMs: number,
  work: Promise<T>,
  clock: Pick<Clock, 'sleep'> = systemClock,
): Promise<T> {
  const done = new AbortController();
  const late = async (): Promise<never> => {
    await clock.sleep(timeoutMs, done.signal);
    throw new TimeoutError(timeoutMs);
  };
  try {
    return await Promise.race([work, late()]);
  } finally {
    done.abort();
  }
}
