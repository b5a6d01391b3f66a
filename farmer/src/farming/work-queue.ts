import type { Clock, Instant } from '@downstream/platform';
import { DeadlineQueue } from '../contract/deadline-queue.ts';

export interface WorkQueueOptions {
  /** How many jobs run at a time. */
  readonly concurrency: number;
  /**
   * A job that runs longer than this is slow. It gives up its slot and continues beside the others, unless there are
   * already `concurrency` slow jobs.
   */
  readonly slowAfterMs: number;
}

/**
 * Jobs of a higher priority start first, whatever their deadlines. Otherwise generating chunks (`normal`) would delay
 * proofs of intact chunks (`urgent`). Scrubbing (`idle`) has no deadline.
 */
const PRIORITIES = ['urgent', 'normal', 'idle'] as const;
export type Priority = (typeof PRIORITIES)[number];

/**
 * Runs jobs by priority, then by deadline. At most `concurrency` jobs run at a time, plus as many slow ones, so
 * a read or request that hangs does not delay other jobs. One slot is reserved for urgent jobs. A job handles
 * its own errors and checks whether it is still needed: the queue neither cancels nor retries.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting: Readonly<Record<Priority, DeadlineQueue<() => Promise<void>>>> = {
    urgent: new DeadlineQueue(),
    normal: new DeadlineQueue(),
    idle: new DeadlineQueue(),
  };
  /** When each job with a slot started, oldest first. */
  readonly #startedAt = new Map<symbol, Instant>();
  readonly #slow = new Set<symbol>();
  /** How many of the running jobs are not urgent. */
  #runningNotUrgent = 0;
  readonly #clock: Pick<Clock, 'now'>;
  #waiters: { limit: number; resolve: () => void }[] = [];

  constructor(options: WorkQueueOptions, clock: Pick<Clock, 'now'>) {
    this.#options = options;
    this.#clock = clock;
  }

  /** The number of waiting and running jobs. */
  get size(): number {
    return this.waiting + this.running;
  }

  get waiting(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.#waiting[priority].length, 0);
  }

  /** The number of running jobs, including slow ones. */
  get running(): number {
    return this.#startedAt.size + this.#slow.size;
  }

  get slow(): number {
    return this.#slow.size;
  }

  add(dueAt: Instant, job: () => Promise<void>, priority: Priority = 'urgent'): void {
    this.#waiting[priority].push({ dueAt, value: job });
    this.#fillSlots();
  }

  /** Frees the slots of jobs that have become slow. Must be called regularly. */
  freeSlowSlots(): void {
    const { slowAfterMs, concurrency } = this.#options;
    const startedBefore = this.#clock.now() - slowAfterMs;
    for (const [job, startedAt] of this.#startedAt) {
      if (startedAt > startedBefore || this.#slow.size >= concurrency) break;
      this.#startedAt.delete(job);
      this.#slow.add(job);
    }
    this.#fillSlots();
  }

  /** Resolves when fewer than `limit` jobs run or wait. */
  async waitForSizeBelow(limit: number): Promise<void> {
    if (this.size < limit) return;
    await new Promise<void>((resolve) => this.#waiters.push({ limit, resolve }));
  }

  #fillSlots(): void {
    while (this.#startedAt.size < this.#options.concurrency) {
      const priority = this.#nextPriority();
      const next = priority && this.#waiting[priority].pop();
      if (next === undefined) return;
      const job = Symbol();
      const notUrgent = priority === 'urgent' ? 0 : 1;
      this.#startedAt.set(job, this.#clock.now());
      this.#runningNotUrgent += notUrgent;
      void next.value().finally(() => {
        this.#startedAt.delete(job);
        this.#slow.delete(job);
        this.#runningNotUrgent -= notUrgent;
        this.#fillSlots();
        this.#notifyWaiters();
      });
    }
  }

  #nextPriority(): Priority | undefined {
    const isLastSlot = this.#runningNotUrgent >= 2 * this.#options.concurrency - 1;
    return PRIORITIES.find((each) => this.#waiting[each].length > 0 && (each === 'urgent' || !isLastSlot));
  }

  #notifyWaiters(): void {
    const { size } = this;
    const ready = this.#waiters.filter(({ limit }) => size < limit);
    this.#waiters = this.#waiters.filter(({ limit }) => size >= limit);
    for (const { resolve } of ready) resolve();
  }
}
