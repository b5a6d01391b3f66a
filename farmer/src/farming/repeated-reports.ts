import type { Instant } from '@downstream/platform';

const MIN_REPORTS = 3;

/**
 * Reports of a node that would cost contracts if they were wrong, for example that it does not know a contract. A node
 * that was just restarted, or a proxy, may report this temporarily. A report is confirmed after three consecutive
 * repetitions over a minimum duration.
 */
export class RepeatedReports<T> {
  #reports: ReadonlyMap<T, { readonly times: number; readonly since: Instant }> = new Map();

  /**
   * Records everything that is reported at `now`, and forgets what is no longer reported.
   *
   * @returns what is confirmed
   */
  record(reported: Iterable<T>, period: { now: Instant; minMs: number }): T[] {
    return this.#record(reported, period, new Map());
  }

  /** As {@link record}, for a report about some subjects only: what was reported of others is kept. */
  recordAbout(subjects: Iterable<T>, reported: Iterable<T>, period: { now: Instant; minMs: number }): T[] {
    const others = new Map(this.#reports);
    for (const subject of subjects) others.delete(subject);
    return this.#record(reported, period, others);
  }

  #record(
    reported: Iterable<T>,
    { now, minMs }: { now: Instant; minMs: number },
    kept: Map<T, { readonly times: number; readonly since: Instant }>,
  ): T[] {
    const confirmed: T[] = [];
    const before = this.#reports;
    for (const subject of reported) {
      const { times, since } = before.get(subject) ?? { times: 0, since: now };
      kept.set(subject, { times: times + 1, since });
      if (times + 1 >= MIN_REPORTS && now - since >= minMs) confirmed.push(subject);
    }
    this.#reports = kept;
    return confirmed;
  }

  /** Whether the last call of {@link record} contained this. */
  has(subject: T): boolean {
    return this.#reports.has(subject);
  }

  reset(): void {
    this.#reports = new Map();
  }
}
