import { join } from 'node:path';
import { writeSmallGenesis } from './genesis.ts';
import { createResult, type Result } from './result.ts';
import { startFarmer, startMockNode, waitUntil } from './services.ts';
import { watch } from './watch.ts';

const GENESIS_BYTES = 16 * 1024;
const INTERVAL_S = 30;
const MANY = 5_000;
const FEW = 500;
const INTERVALS = 4;
/** Processor time for one challenge. With few contracts, the time that does not depend on them weighs more. */
const CPU_LIMIT_MS = 0.6;
const CPU_LIMIT_OF_FEW_MS = 0.9;
/** The farmer lists challenges ten times per interval, so it may learn of the last ones this much later. */
const LISTING_MS = (INTERVAL_S * 1000) / 10;

/**
 * Measures whether a farmer with thousands of contracts answers every challenge in time, and what a challenge
 * costs. The chunks have only 16 KiB, so that the farmer's overhead outweighs hashing.
 */
export async function measurePrototypeFarm(folder: string): Promise<Result[]> {
  const few = await runFarm(folder, FEW, INTERVALS / 2);
  const many = await runFarm(folder, MANY, INTERVALS);
  const [cpu, cpuOfFew] = [many.cpuMs / many.passed, few.cpuMs / few.passed];
  const due = MANY * INTERVALS;
  return [
    createResult('prototype-farm', many.failed, 'failed', due, { max: 0 }),
    createResult('prototype-farm-passed', many.passed, 'passed', due, { min: 1 }),
    createResult('prototype-farm-event-loop-p99', many.delayP99Ms, 'ms', 20, { max: 1 }),
    createResult('prototype-farm-cpu-per-challenge', cpu, 'ms', CPU_LIMIT_MS, { max: 1 }),
    createResult(`prototype-farm-cpu-per-challenge-${FEW}`, cpuOfFew, 'ms', CPU_LIMIT_OF_FEW_MS, { max: 1 }),
  ];
}

interface FarmFigures {
  readonly passed: number;
  /** Since the start of the farmer. */
  readonly failed: number;
  readonly cpuMs: number;
  readonly delayP99Ms: number;
}

/** Waits until all contracts are accepted, then watches the farmer for some intervals. */
async function runFarm(folder: string, contracts: number, intervals: number): Promise<FarmFigures> {
  const { path, sha256 } = writeSmallGenesis(folder, GENESIS_BYTES);
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
  await waitUntil(`${contracts} contracts`, { timeoutMs: 300_000, pollMs: 250 }, async () => {
    const { total, generating } = (await farmer.status()).contracts;
    return total === contracts && generating === 0;
  });
  const fillSeconds = (performance.now() - start) / 1000;
  const { increase, cpuMs, delayP99Ms } = await watch(farmer, intervals * INTERVAL_S * 1000 + LISTING_MS);
  const passed = increase('farmer_challenges_passed_total');
  const { failed } = (await farmer.status()).challenges;
  console.error(
    `  ${contracts} contracts accepted in ${fillSeconds.toFixed(1)} s; challenges in ${intervals} intervals: ${passed} passed, ${increase('farmer_challenges_failed_total')} failed`,
  );
  return { passed, failed, cpuMs, delayP99Ms };
}
