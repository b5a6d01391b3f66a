import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { formatNumber, formatTable, type Result } from './result.ts';

/** One run of the benchmarks, as a line of the history file. */
export interface BenchRun {
  /** ISO 8601 */
  readonly date: string;
  /** `git describe --always --dirty` */
  readonly commit: string;
  readonly machine: { readonly cpu: string; readonly processors: number; readonly memoryGiB: number };
  readonly results: readonly Omit<Result, 'target'>[];
}

export function describeMachine(): BenchRun['machine'] {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    processors: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** Appends a run to a file of JSON lines. @returns the comparison with the run before it */
export function saveRun(path: string, run: BenchRun): string {
  const runs = readRuns(path);
  appendFileSync(path, `${JSON.stringify(run)}\n`);
  return compareWithPrevious(runs, run);
}

function readRuns(path: string): BenchRun[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(parseRun);
}

function parseRun(line: string, index: number): BenchRun {
  try {
    return JSON.parse(line) as BenchRun;
  } catch (cause) {
    throw new Error(`line ${index + 1} of the benchmark history is not JSON: fix or remove it`, { cause });
  }
}

/** Compares each result with the last run on the same machine that has it, since a run may measure a selection. */
function compareWithPrevious(runs: readonly BenchRun[], { machine, results }: BenchRun): string {
  const comparable = runs.filter((run) => JSON.stringify(run.machine) === JSON.stringify(machine)).toReversed();
  const rows = results.flatMap(({ name, value, unit, ratio }) => {
    for (const run of comparable) {
      const before = run.results.find((result) => result.name === name);
      if (before === undefined) continue;
      const values = [formatNumber(before.value), formatNumber(value), unit, formatChange(before.value, value)];
      return [[name, ...values, before.ratio.toFixed(2), ratio.toFixed(2), `${run.commit} ${run.date}`]];
    }
    return [];
  });
  if (rows.length === 0) return 'no previous run on this machine';
  return formatTable([
    ['name', 'before', 'now', 'unit', 'change', 'ratio before', 'ratio now', 'previous run'],
    ...rows,
  ]);
}

function formatChange(before: number, now: number): string {
  if (before === now) return '0 %';
  if (before === 0) return '';
  const percent = Math.round((now / before - 1) * 100);
  return `${percent > 0 ? '+' : ''}${percent} %`;
}
