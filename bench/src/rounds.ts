type Samples<K extends string> = Readonly<Record<K, readonly number[]>>;

/**
 * Takes several measurements in turns, so that a change of the disk's speed or of other load affects all of them alike.
 * An additional first round only warms up.
 */
export async function interleave<K extends string>(
  rounds: number,
  measurements: Readonly<Record<K, () => number | Promise<number>>>,
): Promise<Samples<K>> {
  const names = Object.keys(measurements) as K[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await measurements[name]();
      if (round > 0) samples[name].push(value);
    }
  }
  return samples;
}

/** For measurements that involve the disk, whose cache makes some samples too fast. */
export function medians<K extends string>(samples: Samples<K>): Record<K, number> {
  return summarize(samples, median);
}

/** For measurements that involve only the processor: other load can only make them slower. */
export function maxima<K extends string>(samples: Samples<K>): Record<K, number> {
  return summarize(samples, (values) => Math.max(...values));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share of the values that are smaller: 0.99 for the 99th percentile */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

function summarize<K extends string>(
  samples: Samples<K>,
  summary: (values: readonly number[]) => number,
): Record<K, number> {
  const names = Object.keys(samples) as K[];
  return Object.fromEntries(names.map((name) => [name, summary(samples[name])])) as Record<K, number>;
}
