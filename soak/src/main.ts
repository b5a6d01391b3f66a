import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FarmerProcess } from './farmer-process.ts';
import { SoakFarm } from './soak-farm.ts';
import { createReport } from './soak-report.ts';
import { SoakRun } from './soak-run.ts';

/**
 * `npm run soak -- --minutes N [--seed S]`: a farmer farms through faults at random, and a judge says of each challenge that
 * failed whether it could have been answered. Exits with 1, and keeps the folder, if one could. Ctrl-C ends it early.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes is ${values.minutes}: give a number above 0`);
  process.exit(2);
}
const seed = values.seed ?? randomBytes(4).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'soak-'));
const enough = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort());

console.log(`soak: ${minutes} minutes with seed ${seed}; Ctrl-C ends it early`);
await FarmerProcess.warmUp(join(folder, 'compiled'));
const farm = new SoakFarm(folder, seed);
const run = new SoakRun(farm, seed);
const startedAt = performance.now();
await run.run(minutes * 60_000, enough.signal);

const { lines, broken } = createReport(farm, run.observed);
console.log(
  `soak: seed=${seed} seconds=${((performance.now() - startedAt) / 1000).toFixed(1)} broken=${broken.length}`,
);
for (const line of lines) console.log(line);
if (broken.length > 0) {
  for (const what of broken) console.error(what);
  console.error(`What was left is in ${folder}`);
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true });
}
