import type { Clock, Instant, Logger } from '@downstream/platform';

/** A scheduler that has not ticked for this long is stalled. */
const STALLED_AFTER_MS = 15_000;
/** If two ticks are further apart than this, the process was suspended in between. */
const SUSPENDED_AFTER_MS = 5_000;

/** Tracks whether the scheduler ticks, and since when the process has been running without interruption. */
export class RunMonitor {
  readonly #deps: { readonly clock: Pick<Clock, 'now'>; readonly log: Logger };
  #runningSince: Instant = 0;
  #tickedAt: Instant | undefined;

  constructor(deps: { readonly clock: Pick<Clock, 'now'>; readonly log: Logger }) {
    this.#deps = deps;
  }

  get runningSince(): Instant {
    return this.#runningSince;
  }

  get isTicking(): boolean {
    return this.#tickedAt === undefined || this.#deps.clock.now() - this.#tickedAt < STALLED_AFTER_MS;
  }

  start(): void {
    this.#runningSince = this.#deps.clock.now();
  }

  /** Called about once a second. */
  tick(): void {
    const now = this.#deps.clock.now();
    const pausedMs = now - (this.#tickedAt ?? now);
    this.#tickedAt = now;
    if (pausedMs > SUSPENDED_AFTER_MS) this.recordSuspension(pausedMs);
  }

  /** Records that this process did not run for some time until now. */
  recordSuspension(ms: number): void {
    this.#runningSince = this.#deps.clock.now();
    this.#deps.log.warn('process was suspended', { seconds: Math.round(ms / 1000) });
  }
}
