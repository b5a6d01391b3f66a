import { uptime } from 'node:os';
import { type BootTime, readBootTime } from './boot-time.ts';
import { onAbort } from './on-abort.ts';

/**
 * Milliseconds since the Unix epoch, on a clock that is never adjusted while the process runs. The difference between
 * two instants is the time that has passed, even if the system clock was set in between.
 */
export type Instant = number;

/** Tests replace it with a fake clock. */
export interface Clock {
  now(): Instant;
  /** Converts to the time of the system clock, for output and for data that outlives the process. */
  toWallTime(instant: Instant): number;
  /** Converts from the time of the system clock. */
  toInstant(wallTime: number): Instant;
  /** The time since the machine was started, which connects the instants of two processes. */
  bootTime(): BootTime | undefined;
  /** Resolves after `ms`, immediately if it is not positive. Rejects with the signal's reason on abort. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Node.js fires longer timers immediately. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface TimeSources {
  /** The system clock, which can be adjusted. */
  wallMs(): number;
  /** Never adjusted, but stops while the machine is suspended. */
  monotonicMs(): number;
  /** Time since boot. Includes suspensions, but is coarse and slower to read. */
  uptimeMs(): number;
  /** The uptime with the identity of this boot, if the system has one. */
  bootTime(): BootTime | undefined;
}

const SYSTEM: TimeSources = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
  bootTime: readBootTime,
};

/** Minimum time between two reads of the uptime. */
const CHECK_INTERVAL_MS = 1_000;
/** The uptime may have a resolution of one second, so shorter differences are not suspensions. */
const MIN_SUSPENSION_MS = 2_500;

/**
 * Starts at the time of the system clock and ignores later adjustments of it. Includes time during which the machine
 * was suspended, because deadlines pass during that time too.
 */
export class SteadyClock implements Clock {
  readonly #sources: TimeSources;
  readonly #origin: number;
  #suspendedMs = 0;
  #lastCheck: { readonly monotonicMs: number; readonly uptimeMs: number; readonly aheadMs: number };

  constructor(sources: TimeSources = SYSTEM) {
    this.#sources = sources;
    const monotonicMs = sources.monotonicMs();
    this.#origin = sources.wallMs() - monotonicMs;
    this.#lastCheck = { monotonicMs, uptimeMs: sources.uptimeMs(), aheadMs: this.#origin };
  }

  now(): Instant {
    const monotonicMs = this.#sources.monotonicMs();
    // The system clock continues during a suspension, so a jump may indicate one.
    const aheadMs = this.#sources.wallMs() - monotonicMs;
    const hasJumped = aheadMs - this.#lastCheck.aheadMs >= MIN_SUSPENSION_MS;
    if (hasJumped || monotonicMs - this.#lastCheck.monotonicMs >= CHECK_INTERVAL_MS)
      this.#checkForSuspension(monotonicMs);
    return this.#origin + monotonicMs + this.#suspendedMs;
  }

  toWallTime(instant: Instant): number {
    return instant + this.#sources.wallMs() - this.now();
  }

  toInstant(wallTime: number): Instant {
    return wallTime + this.now() - this.#sources.wallMs();
  }

  bootTime(): BootTime | undefined {
    return this.#sources.bootTime();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (let left = ms; left > 0; left -= MAX_TIMER_MS) await wait(Math.min(left, MAX_TIMER_MS), signal);
  }

  #checkForSuspension(monotonicMs: number): void {
    const uptimeMs = this.#sources.uptimeMs();
    const suspendedForMs = uptimeMs - this.#lastCheck.uptimeMs - (monotonicMs - this.#lastCheck.monotonicMs);
    if (suspendedForMs >= MIN_SUSPENSION_MS) this.#suspendedMs += suspendedForMs;
    this.#lastCheck = { monotonicMs, uptimeMs, aheadMs: this.#sources.wallMs() - monotonicMs };
  }
}

/** Like `setTimeout` of `timers/promises`, but scales to thousands of calls with the same signal. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unsubscribe?.();
      resolve();
    }, ms);
    const unsubscribe =
      signal &&
      onAbort(signal, () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
  });
}

export const systemClock: Clock = new SteadyClock();
