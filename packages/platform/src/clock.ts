import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds since the Unix epoch, by a clock that nobody sets while the process runs: differences are true, whatever becomes of the
 * machine's own clock.
 */
export type Instant = number;

/** Time, and waiting for it: handed to whatever needs it, so that tests tick by hand. */
export interface Clock {
  now(): Instant;
  /** What the machine's clock says at that instant, as it is set now: for people, and for what outlives the process. */
  wallOf(instant: Instant): number;
  /** The instant at which the machine's clock, as it is set now, shows `wall`. */
  instantOf(wall: number): Instant;
  /** Resolves after `ms` (at once when not positive); rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longer timers overflow in Node.js and fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  wallOf: (instant) => instant,
  instantOf: (wall) => wall,
  async sleep(ms, signal) {
    try {
      for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) {
        await sleep(Math.min(left, LONGEST_TIMER_MS), undefined, signal ? { signal } : {});
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
    signal?.throwIfAborted();
  },
};
