import { uptime } from 'node:os';
import { onAbort } from './on-abort.ts';

/**
 * Milliseconds since the Unix epoch, by a clock that nobody sets while the process runs: differences are true, whatever becomes of the
 * machine's own clock.
 */
export type Instant = number;

/** Time, and waiting for it: handed to whatever needs it, so that tests tick by hand. */
export interface Clock {
  now(): Instant;
  /** What the machine's clock says at that instant, as it is set now: for people, and for what outlives the process. */
  toWallTime(instant: Instant): number;
  /** The instant at which the machine's clock, as it is set now, shows `wall`. */
  toInstant(wall: number): Instant;
  /** Resolves after `ms` (at once when not positive); rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longer timers overflow in Node.js and fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What a steady clock is made of, each in milliseconds. */
export interface TimeSources {
  /** The machine's clock, which people and programs set. */
  wallMs(): number;
  /** Never set, but stands still while the machine is suspended. */
  monotonicMs(): number;
  /** Since the machine was started, suspensions included; coarse, and dearer to ask. */
  uptimeMs(): number;
}

const SYSTEM: TimeSources = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
};

/** How often the uptime is asked for at most. */
const CHECK_INTERVAL_MS = 1_000;
/** The uptime may be told in whole seconds: less than this is no suspension. */
const MIN_SUSPENSION_MS = 2_500;

/**
 * Time since the process began, told as if the machine's clock had never been set since: differences between two readings are true. A
 * time that the machine was suspended counts, as it does for everybody else.
 */
export class SteadyClock implements Clock {
  readonly #sources: TimeSources;
  readonly #origin: number;
  #suspendedMs = 0;
  #looked: { readonly monotonicMs: number; readonly uptimeMs: number; readonly aheadMs: number };

  constructor(sources: TimeSources = SYSTEM) {
    this.#sources = sources;
    const monotonicMs = sources.monotonicMs();
    this.#origin = sources.wallMs() - monotonicMs;
    this.#looked = { monotonicMs, uptimeMs: sources.uptimeMs(), aheadMs: this.#origin };
  }

  now(): Instant {
    const monotonicMs = this.#sources.monotonicMs();
    // The machine's clock goes on while it is suspended: a jump of it is looked into at once.
    const aheadMs = this.#sources.wallMs() - monotonicMs;
    const hasJumped = aheadMs - this.#looked.aheadMs >= MIN_SUSPENSION_MS;
    if (hasJumped || monotonicMs - this.#looked.monotonicMs >= CHECK_INTERVAL_MS) this.#checkForSuspension(monotonicMs);
    return this.#origin + monotonicMs + this.#suspendedMs;
  }

  toWallTime(instant: Instant): number {
    return instant + this.#sources.wallMs() - this.now();
  }

  toInstant(wall: number): Instant {
    return wall + this.now() - this.#sources.wallMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (let left = ms; left > 0; left -= MAX_TIMER_MS) await nap(Math.min(left, MAX_TIMER_MS), signal);
  }

  #checkForSuspension(monotonicMs: number): void {
    const uptimeMs = this.#sources.uptimeMs();
    const suspendedForMs = uptimeMs - this.#looked.uptimeMs - (monotonicMs - this.#looked.monotonicMs);
    if (suspendedForMs >= MIN_SUSPENSION_MS) this.#suspendedMs += suspendedForMs;
    this.#looked = { monotonicMs, uptimeMs, aheadMs: this.#sources.wallMs() - monotonicMs };
  }
}

/** As `timers/promises`, but for thousands under one signal. */
function nap(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget?.();
      resolve();
    }, ms);
    const forget =
      signal &&
      onAbort(signal, () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
  });
}

export const systemClock: Clock = new SteadyClock();
