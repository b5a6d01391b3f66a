/** How often each value occurs in a changing set. */
export class ValueCounts {
  readonly #counts = new Map<number, number>();

  count(value: number, by: 1 | -1): void {
    const count = (this.#counts.get(value) ?? 0) + by;
    if (count > 0) this.#counts.set(value, count);
    else this.#counts.delete(value);
  }

  /** Each value that occurs, and how often. */
  entries(): Iterable<readonly [value: number, count: number]> {
    return this.#counts;
  }

  /** Undefined if there is no value. */
  get smallest(): number | undefined {
    return this.#counts.size === 0 ? undefined : this.#reduce(Math.min);
  }

  /** Undefined if there is no value. */
  get largest(): number | undefined {
    return this.#counts.size === 0 ? undefined : this.#reduce(Math.max);
  }

  #reduce(choose: (a: number, b: number) => number): number {
    return this.#counts.keys().reduce((best, value) => choose(best, value));
  }
}
