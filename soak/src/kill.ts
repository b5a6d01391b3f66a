import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FarmerProcess } from './farmer-process.ts';
import { checkLateAnswers } from './kill-checks.ts';
import { countKillsByStep, KillRun, type KillRunOptions } from './kill-run.ts';
import { findZeroCounts } from './proof.ts';

/**
 * `npm run soak:kill -- --cycles N [--seed S]`: farmers are killed at random points, N times in all, and must have lost nothing each
 * time. The seed repeats the choices; when exactly a process dies is up to the machine. Exits with 1, and keeps the folder, where
 * a promise was broken, or nothing was proved.
 */
const LANES: readonly Pick<KillRunOptions, 'chunkBytes' | 'contractForm'>[] = [
  { chunkBytes: 16 * 1024, contractForm: 'secret' },
  // Large enough that writing one takes a while.
  { chunkBytes: 640 * 1024, contractForm: 'secret' },
  { chunkBytes: 16 * 1024, contractForm: 'url' },
];

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '200' }, seed: { type: 'string' } } });
const cycles = Number(values.cycles);
if (!Number.isInteger(cycles) || cycles < 1) {
  console.error(`--cycles is ${values.cycles}: give a whole number from 1`);
  process.exit(2);
}
const seed = values.seed ?? randomBytes(4).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'kill-loop-'));
// Those who are interrupted want no folder; the farmers are killed when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
}

const startedAt = performance.now();
const cacheDir = join(folder, 'compiled');
await FarmerProcess.warmUp(cacheDir);
let left = cycles;
const another = () => left-- > 0;
const reports = await Promise.all(
  LANES.map(async (lane, at) => {
    const options = { ...lane, folder: join(folder, `farm-${at}`), seed: `${seed}/${at}`, cacheDir };
    return await new KillRun(options).run(another);
  }),
);

const seconds = (performance.now() - startedAt) / 1000;
const sum = (of: (report: (typeof reports)[number]) => number) =>
  reports.reduce((total, report) => total + of(report), 0);
const acknowledged = sum((report) => report.acknowledged);
const passed = sum((report) => report.passed);
const late = sum((report) => report.late);
const broken = [
  ...reports.flatMap((report) => report.broken),
  ...findZeroCounts({ 'contracts acknowledged': acknowledged, 'challenges passed': passed }),
  ...checkLateAnswers({ late, passed }),
];
const notCleared = reports.flatMap((report) => report.notCleared);
const wrong = reports.flatMap((report) => report.wrong);
const figures = {
  cycles: sum((report) => report.cycles),
  acknowledged,
  lost: broken.length,
  wrong: wrong.length,
  partial: notCleared.length,
  late,
  passed,
  seed,
  seconds: seconds.toFixed(1),
};
console.log(
  `kill loop: ${Object.entries(figures)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`,
);
console.log('killed while');
for (const { step, kills } of countKillsByStep(reports))
  console.log(`  ${step.padEnd(12)}${String(kills).padStart(5)}`);

if (broken.length + notCleared.length + wrong.length > 0) {
  for (const what of [...broken, ...wrong]) console.error(what);
  for (const name of notCleared) console.error(`not cleared away by the next start: ${name}`);
  console.error(`What they left is in ${folder}`);
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true });
}
