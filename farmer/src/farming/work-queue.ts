import type { Instant } from '@downstream/platform';
import { DeadlineQueue } from '../contract/deadline-queue.ts';

/**
 * Runs jobs earliest-due first, at most `concurrency` at a time. A job deals with its own failures and looks itself
 * whether it is still wanted: the queue never cancels and never repeats.
 */
export class WorkQueue {
  readonly #concurrency: number;
  readonly #waiting = new DeadlineQueue<() => Promise<void>>();
  #running = 0;
  #watchers: { below: number; resolve: () => void }[] = [];

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Jobs not finished, running or not. */
  get size(): number {
    return this.#waiting.size + this.#running;
  }

  /** Jobs that have not been started. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running;
  }

  add(dueAt: Instant, job: () => Promise<void>): void {
    this.#waiting.add(dueAt, job);
    this.#fill();
  }

  /** Resolves as soon as fewer than `limit` jobs run or wait. */
  async sizeBelow(limit: number): Promise<void> {
    if (this.size < limit) return;
    await new Promise<void>((resolve) => this.#watchers.push({ below: limit, resolve }));
  }

  #fill(): void {
    while (this.#running < this.#concurrency) {
      const next = this.#waiting.take();
      if (next === undefined) return;
      this.#running += 1;
      void next.value().finally(() => {
        this.#running -= 1;
        this.#fill();
        this.#tellWatchers();
      });
    }
  }

  #tellWatchers(): void {
    const { size } = this;
    const [told, kept] = [
      this.#watchers.filter(({ below }) => size < below),
      this.#watchers.filter(({ below }) => size >= below),
    ];
    this.#watchers = kept;
    for (const { resolve } of told) resolve();
  }
}
