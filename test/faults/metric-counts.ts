/** Counters by series: `farmer_challenges_failed_total{reason="missed"}`. */
export type Counts = ReadonlyMap<string, number>;

/** The counters of a scrape in Prometheus' text format. */
export function parseCounts(scrape: string): Counts {
  const series = [...scrape.matchAll(/^(\w+_total(?:\{.*\})?) (\d+)$/gm)];
  return new Map(series.map(([, name = '', value]) => [name, Number(value)]));
}

/** The increases of the counters, without zeros. */
export function since(before: Counts, after: Counts): Counts {
  const grown = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return new Map(grown.filter(([, value]) => value !== 0));
}

/** The sum of a metric over its labels. */
export function total(counts: Counts, metric: string): number {
  return [...counts].reduce((sum, [name, value]) => (name.split('{')[0] === metric ? sum + value : sum), 0);
}

/** A metric by the values of its labels except the node: `missed`, or `due timeout`. */
export function byLabels(counts: Counts, metric: string): Record<string, number> {
  return Object.fromEntries(
    [...counts].flatMap(([name, value]) => {
      const values = [...name.matchAll(/(\w+)="([^"]*)"/g)].flatMap(([, label, value]) =>
        label === 'node' ? [] : value,
      );
      return name.startsWith(`${metric}{`) && value !== 0 ? [[values.join(' '), value]] : [];
    }),
  );
}
