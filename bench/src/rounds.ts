type ByName<K extends string, V> = Readonly<Record<K, V>>;

/**
 * Alternates between measurements, so that changes in disk speed or other load affect all of them equally. The first
 * round is a warm-up and does not count.
 *
 * @returns the summary of each: the median if the disk is involved, since its cache makes some samples too fast; the
 * maximum for rates of the processor alone, which other load can only reduce
 */
export async function interleave<K extends string>(
  rounds: number,
  summarize: (samples: readonly number[]) => number,
  measurements: ByName<K, () => number | Promise<number>>,
): Promise<ByName<K, number>> {
  const names = Object.keys(measurements) as K[];
  const samples = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await measurements[name]();
      if (round > 0) samples.get(name)?.push(value);
    }
  }
  return Object.fromEntries([...samples].map(([name, values]) => [name, summarize(values)])) as ByName<K, number>;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function maximum(values: readonly number[]): number {
  return Math.max(...values);
}

/** @param share of the values that are smaller: 0.99 for the 99th percentile */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
