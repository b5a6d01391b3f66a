import type { Instant } from '@downstream/platform';
import { DeadlineQueue } from '../contract/deadline-queue.ts';

export interface WorkQueueOptions {
  /** So many jobs run at a time. */
  readonly concurrency: number;
  /** A job that runs longer than this is slow: it gives its place to the next one and goes on beside it. */
  readonly slowAfterMs: number;
  /** So many slow jobs at most go on beside the others; further ones keep their places. */
  readonly maxSlow: number;
}

/**
 * What goes first, whatever is due: a proof (`urgent`) that waited behind the making of other contracts' chunks (`normal`) would
 * lose what is whole for what is not; and a reading that nobody waits for (`idle`) comes last.
 */
const PRIORITIES = ['urgent', 'normal', 'idle'] as const;
export type Priority = (typeof PRIORITIES)[number];

/**
 * Runs jobs by urgency, and among their like earliest-due first, at most `concurrency` at a time, not counting a few that are slow: one read or request that
 * hangs holds up itself alone. What is not urgent never takes the last place, hanging or not. A job deals with its own failures and looks itself whether it is still wanted: the
 * queue never cancels and never repeats.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting: Readonly<Record<Priority, DeadlineQueue<() => Promise<void>>>> = {
    urgent: new DeadlineQueue(),
    normal: new DeadlineQueue(),
    idle: new DeadlineQueue(),
  };
  /** Those that have a place, oldest first, and when each began. */
  readonly #placed = new Map<symbol, Instant>();
  readonly #slow = new Set<symbol>();
  /** How many of those that run are not urgent. */
  #patient = 0;
  readonly #now: () => Instant;
  #watchers: { below: number; resolve: () => void }[] = [];

  constructor(options: WorkQueueOptions, now: () => Instant) {
    this.#options = options;
    this.#now = now;
  }

  /** Jobs not finished, running or not. */
  get size(): number {
    return this.waiting + this.running;
  }

  /** Jobs that have not been started. */
  get waiting(): number {
    return PRIORITIES.reduce((sum, urgency) => sum + this.#waiting[urgency].length, 0);
  }

  /** Jobs that have been started. */
  get running(): number {
    return this.#placed.size + this.#slow.size;
  }

  /** Jobs that have been running for too long, and gave up their places. */
  get slow(): number {
    return this.#slow.size;
  }

  add(dueAt: Instant, job: () => Promise<void>, urgency: Priority = 'urgent'): void {
    this.#waiting[urgency].push({ dueAt, value: job });
    this.#fill();
  }

  /** Takes their places from the jobs that have become slow. To be called again and again. */
  relieve(): void {
    const { slowAfterMs, maxSlow } = this.#options;
    const since = this.#now() - slowAfterMs;
    for (const [job, startedAt] of this.#placed) {
      if (startedAt > since || this.#slow.size >= maxSlow) break;
      this.#placed.delete(job);
      this.#slow.add(job);
    }
    this.#fill();
  }

  /** Resolves as soon as fewer than `limit` jobs run or wait. */
  async waitForSizeBelow(limit: number): Promise<void> {
    if (this.size < limit) return;
    await new Promise<void>((resolve) => this.#watchers.push({ below: limit, resolve }));
  }

  #fill(): void {
    while (this.#placed.size < this.#options.concurrency) {
      const urgency = this.#next();
      const next = urgency && this.#waiting[urgency].pop();
      if (next === undefined) return;
      const job = Symbol();
      const patient = urgency === 'urgent' ? 0 : 1;
      this.#placed.set(job, this.#now());
      this.#patient += patient;
      void next.value().finally(() => {
        this.#placed.delete(job);
        this.#slow.delete(job);
        this.#patient -= patient;
        this.#fill();
        this.#notifyWaiters();
      });
    }
  }

  #next(): Priority | undefined {
    const { concurrency, maxSlow } = this.#options;
    const isLastPlace = this.#patient >= Math.max(1, concurrency + maxSlow - 1);
    return PRIORITIES.find((one) => this.#waiting[one].length > 0 && (one === 'urgent' || !isLastPlace));
  }

  #notifyWaiters(): void {
    const { size } = this;
    const [told, kept] = [
      this.#watchers.filter(({ below }) => size < below),
      this.#watchers.filter(({ below }) => size >= below),
    ];
    this.#watchers = kept;
    for (const { resolve } of told) resolve();
  }
}
