import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { checkLateAnswers, findZeroCounts } from './checks.ts';
import { FarmerProcess } from './farmer-process.ts';
import { STEPS } from './kill-points.ts';
import { type KillFarm, KillRun } from './kill-run.ts';

/**
 * `npm run soak:kill -- --cycles N [--api prototype|v1] [--seed S]`: kills farmers N times at random points and checks
 * that they lose nothing. The seed repeats the choices but not the exact timing. Exits with 1 and keeps the folder if a
 * check fails.
 */
const SMALL = 16 * 1024;
/** Large enough that kills hit the writing of a chunk. */
const LARGE = 640 * 1024;
const FARMS: Readonly<Record<string, readonly KillFarm[]>> = {
  prototype: [
    { api: 'prototype', chunkBytes: SMALL, contractForm: 'secret' },
    { api: 'prototype', chunkBytes: LARGE, contractForm: 'secret' },
    { api: 'prototype', chunkBytes: SMALL, contractForm: 'url' },
  ],
  v1: [
    { api: 'v1', chunkBytes: SMALL, scheme: 'merkle' },
    { api: 'v1', chunkBytes: LARGE, scheme: 'merkle' },
    { api: 'v1', chunkBytes: SMALL, scheme: 'swizzle' },
  ],
};

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    api: { type: 'string', default: 'prototype' },
    seed: { type: 'string' },
  },
});
const cycles = Number(values.cycles);
if (!Number.isInteger(cycles) || cycles < 1) {
  console.error(`--cycles must be a positive integer (got ${JSON.stringify(values.cycles)})`);
  process.exit(2);
}
const farms = FARMS[values.api];
if (farms === undefined) {
  console.error(`--api must be prototype or v1 (got ${JSON.stringify(values.api)})`);
  process.exit(2);
}
const seed = values.seed ?? randomBytes(4).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'kill-loop-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
}

const startedAt = performance.now();
const eventLoopDelay = monitorEventLoopDelay();
eventLoopDelay.enable();
const cacheDir = join(folder, 'compiled');
await FarmerProcess.warmUp(cacheDir);
let left = cycles;
const runs = await Promise.all(
  farms.map(async (farm, n) => {
    const options = { farm, folder: join(folder, `farm-${n}`), seed: `${seed}/${n}`, cacheDir };
    return await KillRun.run(options, () => left-- > 0);
  }),
);

const sum = (count: (run: KillRun) => number) => runs.reduce((total, run) => total + count(run), 0);
const acknowledged = sum((run) => run.acknowledged.all.size);
const passed = sum((run) => run.passed);
const late = sum((run) => run.late);
const delayMs = Math.round(eventLoopDelay.percentile(99) / 1e6);
const violations = [
  ...runs.flatMap((run) => run.violations),
  ...findZeroCounts({ 'contracts acknowledged': acknowledged, 'challenges passed': passed }),
  ...checkLateAnswers({ late, passed, delayMs }),
];
const leftovers = runs.flatMap((run) => run.leftovers);
const wrong = runs.flatMap((run) => run.wrong);
const figures = {
  api: values.api,
  cycles: sum((run) => run.cycles),
  acknowledged,
  violations: violations.length,
  wrong: wrong.length,
  leftovers: leftovers.length,
  late,
  passed,
  delayMs,
  seed,
  seconds: ((performance.now() - startedAt) / 1000).toFixed(1),
};
const summary = Object.entries(figures).map(([name, value]) => `${name}=${value}`);
console.log(`kill loop: ${summary.join(' ')}`);
console.log('kills by step:');
for (const step of STEPS)
  console.log(`  ${step.padEnd(12)}${String(sum(({ killsByStep }) => killsByStep[step])).padStart(5)}`);

if (violations.length + leftovers.length + wrong.length > 0) {
  for (const text of [...violations, ...wrong]) console.error(text);
  for (const name of leftovers) console.error(`not deleted by the next start: ${name}`);
  console.error(`data kept in ${folder}`);
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true });
}
