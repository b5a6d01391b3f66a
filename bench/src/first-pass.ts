import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { writeRandomio } from '../../farmer/src/chunks/chunk-io.ts';
import { createResult, type Result } from './result.ts';
import { median } from './rounds.ts';
import { startFarmer, startMockNode, waitUntil } from './services.ts';

const ROUNDS = 3;

/** The time from the start of a new farmer, which has only the genesis file, to its first passed challenge. */
export async function measureFirstPass(folder: string): Promise<Result[]> {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) seconds.push(await measureOnce(join(folder, `farmer-${round}`)));
  return [createResult('first-pass', median(seconds), 's', 3, { max: 1 })];
}

async function measureOnce(dataDir: string): Promise<number> {
  mkdirSync(dataDir, { recursive: true });
  writeRandomio(join(dataDir, 'genesis'), STANDARD_GENESIS.seed, STANDARD_GENESIS.sizeBytes);
  await using node = await startMockNode({ MOCK_INTERVAL: '60' });
  const start = performance.now();
  await using farmer = await startFarmer(node, { FARMER_DATA_DIR: dataDir, FARMER_SIZE: '32MiB' });
  await waitUntil('the first passed challenge', { timeoutMs: 30_000, pollMs: 20 }, async () => {
    return (await farmer.status()).challenges.passed > 0;
  });
  return (performance.now() - start) / 1000;
}
