import type { NodeView } from './node-status.ts';
import type { Usage } from './processes.ts';

export interface FarmerReport {
  readonly name: string;
  readonly views: readonly { readonly node: string; readonly view: NodeView }[];
  readonly usage: Usage;
  readonly starts: number;
  /** Exit code or signal; undefined if it was running until the end. */
  readonly result: number | string | undefined;
}

const HEADER = [
  'farmer',
  'node',
  'passed',
  'lost',
  'contracts',
  'CPU s',
  'CPU ms per answer',
  'peak RSS MiB',
  'starts',
  'exit',
];

/** Creates a Markdown table with a row for each farmer and node. CPU time and memory are those of the whole farmer. */
export function createTable(farmers: readonly FarmerReport[]): string[] {
  const rows = farmers.flatMap(createRows);
  const widths = HEADER.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const format = (row: readonly string[]) => `| ${row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`;
  return [format(HEADER), format(widths.map((width) => '-'.repeat(width))), ...rows.map(format)];
}

function createRows({ name, views, usage, starts, result }: FarmerReport): string[][] {
  const passed = views.reduce((sum, { view }) => sum + view.passed, 0);
  const cpu = [
    (usage.cpuMs / 1000).toFixed(2),
    passed === 0 ? '-' : (usage.cpuMs / passed).toFixed(3),
    (usage.peakRssBytes / 2 ** 20).toFixed(0),
    String(starts),
    String(result ?? 'running'),
  ];
  if (views.length === 0) return [[name, '-', '-', '-', '-', ...cpu]];
  return views.map(({ node, view }) => [
    name,
    node,
    String(view.passed),
    String(view.lost),
    String(view.running),
    ...cpu,
  ]);
}
