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
  record(reported: Iterable<T>, { now, minMs }: { now: Instant; minMs: number }): T[] {
    const before = this.#reports;
    this.#reports = new Map(
      Array.from(reported, (subject) => {
        const { times, since } = before.get(subject) ?? { times: 0, since: now };
        return [subject, { times: times + 1, since }];
      }),
    );
    return [...this.#reports]
      .filter(([, { times, since }]) => times >= MIN_REPORTS && now - since >= minMs)
      .map(([subject]) => subject);
  }

  /** Whether the last call of {@link record} contained this. */
  has(subject: T): boolean {
    return this.#reports.has(subject);
  }

  reset(): void {
    this.#reports = new Map();
  }
}
