/** The measurements of several things, taken in turns. */
type Rounds<K extends string> = Readonly<Record<K, readonly number[]>>;

/**
 * Measures several things in turns, so that a disk or a neighbour that changes its mind weighs on all of them alike. One
 * round more, the first, only warms up.
 */
export async function interleave<K extends string>(
  rounds: number,
  measures: Readonly<Record<K, () => number | Promise<number>>>,
): Promise<Rounds<K>> {
  const names = Object.keys(measures) as K[];
  const seen = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await measures[name]();
      if (round > 0) seen[name].push(value);
    }
  }
  return seen;
}

/** For what the disk has a part in: sometimes it is quicker than it can keep up. */
export function medians<K extends string>(rounds: Rounds<K>): Record<K, number> {
  return mapped(rounds, median);
}

/** For what only the processor does: whatever else happens on the machine can only slow it down. */
export function best<K extends string>(rounds: Rounds<K>): Record<K, number> {
  return mapped(rounds, (values) => Math.max(...values));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param part of the values that are smaller: 0.99 for the 99th percentile */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
}

function mapped<K extends string>(
  rounds: Rounds<K>,
  summary: (values: readonly number[]) => number,
): Record<K, number> {
  const names = Object.keys(rounds) as K[];
  return Object.fromEntries(names.map((name) => [name, summary(rounds[name])])) as Record<K, number>;
}
