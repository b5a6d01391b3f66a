/** What a ratio should be. */
type Bar = { readonly least: number } | { readonly most: number };

/** One measurement beside what it is held against. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the machine can do, measured in the same run, or the most (or least) that is allowed. */
  readonly limit: number;
  /** `value / limit` */
  readonly ratio: number;
  /** None where a figure is only shown. */
  readonly bar?: Bar;
}

export function result(name: string, value: number, unit: string, limit: number, bar?: Bar): Result {
  return { name, value, unit, limit, ratio: value / limit, ...(bar && { bar }) };
}

/** Whether a figure is what it should be; one that is only shown always is. */
export function isMet({ ratio, bar }: Result): boolean {
  if (bar === undefined) return true;
  return 'least' in bar ? ratio >= bar.least : ratio <= bar.most;
}

/** Results as a person reads them. */
export function table(results: readonly Result[]): string {
  const rows = [['name', 'value', 'unit', 'limit', 'ratio', 'bar', 'met?'], ...results.map(cells)];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

function cells(shown: Result): string[] {
  const { name, value, unit, limit, ratio, bar } = shown;
  const measured = [name, digits(value), unit, digits(limit), ratio.toFixed(2)];
  if (bar === undefined) return measured;
  return [...measured, 'least' in bar ? `>= ${bar.least}` : `<= ${bar.most}`, isMet(shown) ? 'yes' : 'NO'];
}

function digits(value: number): string {
  if (value === 0 || value >= 100) return value.toFixed(0);
  return value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
