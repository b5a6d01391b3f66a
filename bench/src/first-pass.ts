import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { writeRandomio } from '../../farmer/src/chunks/chunk-io.ts';
import { type Result, result } from './result.ts';
import { median } from './rounds.ts';
import { startFarmer, startMockNode, until } from './services.ts';

const ROUNDS = 3;

/** From the start of the process to the first challenge passed, with the genesis file there and nothing else. */
export async function firstPass(folder: string): Promise<Result[]> {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) seconds.push(await timeOne(join(folder, `farmer-${round}`)));
  return [result('first-pass', median(seconds), 's', 3, { most: 1 })];
}

async function timeOne(dataDir: string): Promise<number> {
  mkdirSync(dataDir, { recursive: true });
  writeRandomio(join(dataDir, 'genesis'), STANDARD_GENESIS.seed, STANDARD_GENESIS.sizeBytes);
  await using node = await startMockNode({ MOCK_INTERVAL: '60' });
  const start = performance.now();
  await using farmer = await startFarmer(node, { FARMER_DATA_DIR: dataDir, FARMER_SIZE: '32MiB' });
  await until('the first pass', { withinMs: 30_000, everyMs: 20 }, async () => {
    return (await farmer.status()).challenges.passed > 0;
  });
  return (performance.now() - start) / 1000;
}
