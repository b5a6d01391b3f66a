import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FarmerProcess } from './farmer-process.ts';
import { APIS } from './plan.ts';
import { SoakFarm } from './soak-farm.ts';
import { createReport } from './soak-report.ts';
import { SoakRun } from './soak-run.ts';

/**
 * `npm run soak -- --minutes N [--api prototype|v1] [--seed S]`: runs a farmer under random faults, and checks whether
 * each failed challenge has a reason. Exits with 1 and keeps the folder if a check fails. Ctrl-C ends the run early.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    api: { type: 'string', default: 'prototype' },
    seed: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes must be a positive number (got ${JSON.stringify(values.minutes)})`);
  process.exit(2);
}
const api = APIS.find((each) => each === values.api);
if (api === undefined) {
  console.error(`--api must be prototype or v1 (got ${JSON.stringify(values.api)})`);
  process.exit(2);
}
const seed = values.seed ?? randomBytes(4).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'soak-'));
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

console.log(`soak: ${minutes} minutes over the ${api} API with seed ${seed}; Ctrl-C ends it early`);
await FarmerProcess.warmUp(join(folder, 'compiled'));
const farm = new SoakFarm(folder, { seed, api });
const run = new SoakRun(farm, seed);
const startedAt = performance.now();
await run.run(minutes * 60_000, interrupted.signal);

const { lines, violations } = createReport(farm, run.observations);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(`soak: api=${api} seed=${seed} seconds=${seconds} violations=${violations.length}`);
for (const line of lines) console.log(line);
if (violations.length > 0) {
  for (const violation of violations) console.error(violation);
  console.error(`data kept in ${folder}`);
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true });
}
