import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NAMES, selectBenchmarks } from './benchmarks.ts';
import { describeMachine, saveRun } from './history.ts';
import { formatResults, isTargetMet, type Result } from './result.ts';

/**
 * `npm run bench -- [--json] [--save] [NAME…]`: measures the built services and the farmer's workers, and compares
 * each figure with what this machine can do, measured in the same run. Other load on the machine affects the figures.
 *
 * `--json` prints the results as JSON. `--save` appends them to bench/history.jsonl and prints the changes since the
 * previous run on this machine. Exits with 1 if a result misses its target and with 2 if an argument is invalid.
 */
const HISTORY = join(import.meta.dirname, '../history.jsonl');

const { values: options, positionals: names } = parseArgs({
  options: { json: { type: 'boolean', default: false }, save: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = names.filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`unknown benchmark: ${unknown.join(', ')}; choose from ${NAMES.join(', ')}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'downstream-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const all: Result[] = [];
for (const benchmark of selectBenchmarks(names)) {
  console.error(`measuring ${benchmark.names.join(', ')} …`);
  all.push(...(await benchmark.run(mkdtempSync(join(folder, 'benchmark-')))));
}
const selected = all.filter((each) => names.length === 0 || names.some((name) => each.name.startsWith(name)));
const results = selected.map(({ name, value, unit, limit, ratio }) => ({ name, value, unit, limit, ratio }));
console.log(options.json ? JSON.stringify(results, undefined, 2) : formatResults(selected));
if (options.save) {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  const run = { date: new Date().toISOString(), commit: commit.trim(), machine: describeMachine(), results };
  console.error(`saved to ${HISTORY}\n${saveRun(HISTORY, run)}`);
}
if (!selected.every(isTargetMet)) process.exitCode = 1;
