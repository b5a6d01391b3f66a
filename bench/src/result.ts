/** The range in which a ratio is acceptable. */
type Target = { readonly min: number } | { readonly max: number };

/** One measurement, compared with a limit. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What this machine can do, measured in the same run, or a fixed limit. */
  readonly limit: number;
  /** `value / limit` */
  readonly ratio: number;
  /** Undefined if the figure is only informative. */
  readonly target?: Target;
}

export function createResult(name: string, value: number, unit: string, limit: number, target?: Target): Result {
  return { name, value, unit, limit, ratio: value / limit, ...(target && { target }) };
}

export function isTargetMet({ ratio, target }: Result): boolean {
  if (target === undefined) return true;
  return 'min' in target ? ratio >= target.min : ratio <= target.max;
}

export function formatResults(results: readonly Result[]): string {
  return formatTable([
    ['name', 'value', 'unit', 'limit', 'ratio', 'target', 'met?'],
    ...results.map((result) => {
      const { name, value, unit, limit, ratio, target } = result;
      const measured = [name, formatNumber(value), unit, formatNumber(limit), ratio.toFixed(2)];
      if (target === undefined) return measured;
      const range = 'min' in target ? `>= ${target.min}` : `<= ${target.max}`;
      return [...measured, range, isTargetMet(result) ? 'yes' : 'NO'];
    }),
  ]);
}

export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const formatRow = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => formatRow(row).trimEnd()).join('\n');
}

export function formatNumber(value: number): string {
  if (value === 0 || value >= 100) return value.toFixed(0);
  return value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
