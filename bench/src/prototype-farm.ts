import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import { type Result, result } from './result.ts';
import { startFarmer, startMockNode, until } from './services.ts';
import { watch } from './watch.ts';

const GENESIS_BYTES = 16 * 1024;
const INTERVAL_S = 30;
const MANY = 5_000;
const FEW = 500;
const INTERVALS = 4;
/** A farmer lists its challenges ten times an interval: the last ones of a time watched may be known that much later. */
const LISTING_MS = (INTERVAL_S * 1000) / 10;

/**
 * Thousands of contracts over a genesis file of 16 KiB, so that what is measured is the farmer, not its hashing: is every
 * challenge answered in time, and does one cost no more among many?
 */
export async function prototypeFarm(folder: string): Promise<Result[]> {
  const few = await steadyFarm(folder, FEW, INTERVALS / 2);
  const many = await steadyFarm(folder, MANY, INTERVALS);
  const [cpu, cpuOfFew] = [many.cpuMs / many.passed, few.cpuMs / few.passed];
  const due = MANY * INTERVALS;
  return [
    result('prototype-farm', many.failed, 'failed', due, { most: 0 }),
    result('prototype-farm-passed', many.passed, 'passed', due, { least: 1 }),
    result('prototype-farm-event-loop-p99', many.delayP99Ms, 'ms', 20, { most: 1 }),
    result('prototype-farm-cpu-per-challenge', cpu, 'ms', cpuOfFew, { most: 1.3 }),
  ];
}

interface Farmed {
  readonly passed: number;
  /** From the very start. */
  readonly failed: number;
  readonly cpuMs: number;
  readonly delayP99Ms: number;
}

/** Fills a farm, then watches it for some intervals. */
async function steadyFarm(folder: string, contracts: number, intervals: number): Promise<Farmed> {
  const genesis = Buffer.concat([...randomio('bench', GENESIS_BYTES)]);
  const path = join(folder, 'small-genesis');
  writeFileSync(path, genesis);
  const sha256 = createHash('sha256').update(genesis).digest('hex');
  await using node = await startMockNode({
    MOCK_GENESIS: path,
    MOCK_GENESIS_SHA256: sha256,
    MOCK_INTERVAL: String(INTERVAL_S),
  });
  const start = performance.now();
  await using farmer = await startFarmer(node, {
    FARMER_DATA_DIR: join(folder, `farm-${contracts}`),
    FARMER_SIZE: String(contracts * GENESIS_BYTES),
    FARMER_GENESIS: path,
    FARMER_GENESIS_SHA256: sha256,
  });
  await until(`${contracts} contracts`, { withinMs: 300_000, everyMs: 250 }, async () => {
    const { total, generating } = (await farmer.status()).contracts;
    return total === contracts && generating === 0;
  });
  const fillSeconds = (performance.now() - start) / 1000;
  const { risen, cpuMs, delayP99Ms } = await watch(farmer, intervals * INTERVAL_S * 1000 + LISTING_MS);
  const passed = risen('farmer_challenges_passed_total');
  const { failed } = (await farmer.status()).challenges;
  console.error(
    `  ${contracts} contracts: filled in ${fillSeconds.toFixed(1)} s, then ${passed} challenges passed and ${risen('farmer_challenges_failed_total')} failed in ${intervals} intervals`,
  );
  return { passed, failed, cpuMs, delayP99Ms };
}
