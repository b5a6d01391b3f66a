import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chunkGeneration, contractChallenge } from './chunks.ts';
import { largeChunks, prototypeFarm } from './farms.ts';
import { type Result, table } from './result.ts';

/**
 * `npm run bench [-- --json] [NAME…]`: measures the built services and the farmer's own workers on this machine, each beside what the
 * machine can do, measured in the same run. Names: chunks, challenge, farmer, prototype-farm; all without.
 */
const MEASURES: Readonly<Record<string, (folder: string) => Promise<Result[]>>> = {
  chunks: chunkGeneration,
  challenge: contractChallenge,
  farmer: largeChunks,
  'prototype-farm': prototypeFarm,
};

const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--json');
const unknown = names.filter((name) => !(name in MEASURES));
if (unknown.length > 0) {
  console.error(`no such measure: ${unknown.join(', ')}; there are ${Object.keys(MEASURES).join(', ')}`);
  process.exit(2);
}

const results: Result[] = [];
for (const [name, measure] of Object.entries(MEASURES)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.error(`measuring ${name} …`);
  const folder = mkdtempSync(join(tmpdir(), 'downstream-bench-'));
  try {
    results.push(...(await measure(folder)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const bare = results.map(({ name, value, unit, limit, ratio }) => ({ name, value, unit, limit, ratio }));
console.log(args.includes('--json') ? JSON.stringify(bare, undefined, 2) : table(results));
