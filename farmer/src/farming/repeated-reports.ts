import type { Instant } from '@downstream/platform';

const TIMES = 3;

/**
 * What a node says that would cost contracts if it were wrong, such as that it has never heard of one: a node that was just started
 * again, or a proxy before it, may say so for a moment. It is believed when it was said three times in a row, and for long enough.
 */
export class RepeatedReports<T> {
  #heard: ReadonlyMap<T, { readonly times: number; readonly since: Instant }> = new Map();

  /**
   * All that is claimed at `now`: what isn't any more is forgotten.
   *
   * @param minMs for how long a claim must have been made
   * @returns what is to be believed
   */
  heard(claimed: Iterable<T>, { now, minMs }: { now: Instant; minMs: number }): T[] {
    const before = this.#heard;
    this.#heard = new Map(
      Array.from(claimed, (claim) => {
        const { times, since } = before.get(claim) ?? { times: 0, since: now };
        return [claim, { times: times + 1, since }];
      }),
    );
    return [...this.#heard].filter(([, { times, since }]) => times >= TIMES && now - since >= minMs).map(([of]) => of);
  }

  /** Whether this was claimed the last time. */
  has(claim: T): boolean {
    return this.#heard.has(claim);
  }

  forget(): void {
    this.#heard = new Map();
  }
}
