/** One measurement beside what it is held against. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the machine can do, measured in the same run, or the most (or least) that is allowed. */
  readonly limit: number;
  /** `value / limit` */
  readonly ratio: number;
  /** What the ratio should be; none where a figure is only shown. */
  readonly bar?: { readonly least: number } | { readonly most: number };
}

export function result(name: string, value: number, unit: string, limit: number, bar?: Result['bar']): Result {
  return { name, value, unit, limit, ratio: value / limit, ...(bar && { bar }) };
}

function isMet({ ratio, bar }: Result): boolean | undefined {
  if (bar === undefined) return undefined;
  return 'least' in bar ? ratio >= bar.least : ratio <= bar.most;
}

/** Results as a person reads them. */
export function table(results: readonly Result[]): string {
  const rows = results.map((each) => {
    const { name, value, unit, limit, ratio, bar } = each;
    const wanted = bar === undefined ? '' : 'least' in bar ? `>= ${bar.least}` : `<= ${bar.most}`;
    const met = isMet(each);
    return [
      name,
      digits(value),
      unit,
      digits(limit),
      ratio.toFixed(2),
      wanted,
      met === undefined ? '' : met ? 'met' : 'MISSED',
    ];
  });
  const all = [['name', 'value', 'unit', 'limit', 'ratio', 'wanted', ''], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
