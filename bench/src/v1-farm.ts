import { join } from 'node:path';
import { writeSmallGenesis } from './genesis.ts';
import { reportOtherLoad } from './other-load.ts';
import { createResult, type Result } from './result.ts';
import { type FarmerService, type MockNodeService, startFarmer, startMockNode, waitUntil } from './services.ts';
import { watch } from './watch.ts';

const CHUNK_BYTES = 32 * 1024;
const INTERVAL_S = 60;
const INTERVALS = 3;
/** Enough for the time that the contracts take to be accepted, and few, because tags grow with them. */
const CHALLENGES = 64;
const FEW = 1_000;
const MANY = 10_000;
/** The farmer asks for challenges twenty times per interval, so it may answer the last ones this much later. */
const REQUEST_MS = (INTERVAL_S * 1000) / 20;
const LIMIT_MS = 0.15;

/**
 * Measures a farmer of the v1 API (Merkle, chunks of 32 KiB) with few and with many contracts, and then how long it
 * takes to start again with the many.
 */
export async function measureV1Farm(folder: string): Promise<Result[]> {
  const few = await runFarm(folder, FEW);
  const many = await runFarm(folder, MANY);
  return [
    createResult(`v1-farm-${FEW}`, few.failed, 'failed', FEW * INTERVALS, { max: 0 }),
    createResult(`v1-farm-${FEW}-passed`, few.passed, 'passed', FEW * INTERVALS, { min: 1 }),
    createResult(`v1-farm-${FEW}-cpu-per-challenge`, few.cpuMs, 'ms', LIMIT_MS),
    createResult(`v1-farm-${FEW}-event-loop-p99`, few.delayP99Ms, 'ms', 20, { max: 1 }),
    createResult(`v1-farm-${MANY}`, many.failed, 'failed', MANY * INTERVALS, { max: 0 }),
    createResult(`v1-farm-${MANY}-passed`, many.passed, 'passed', MANY * INTERVALS, { min: 1 }),
    createResult(`v1-farm-${MANY}-cpu-per-challenge`, many.cpuMs, 'ms', LIMIT_MS, { max: 1 }),
    createResult(`v1-farm-${MANY}-cpu-growth`, many.cpuMs, 'ms', few.cpuMs, { max: 1.3 }),
    createResult(`v1-farm-${MANY}-event-loop-p99`, many.delayP99Ms, 'ms', 20, { max: 1 }),
    createResult(`v1-farm-${MANY}-rss`, many.peakMiB, 'MiB', 220, { max: 1 }),
    createResult(`v1-start-${MANY}`, many.startSeconds, 's', 3, { max: 1 }),
  ];
}

interface FarmFigures {
  readonly passed: number;
  /** Since the start of the farmer. */
  readonly failed: number;
  /** User and system time of all threads, for one answered challenge. */
  readonly cpuMs: number;
  readonly delayP99Ms: number;
  /** The peak of the resident set during the intervals. */
  readonly peakMiB: number;
  /** From the start of the process to its readiness. */
  readonly startSeconds: number;
}

/** Waits until all contracts are accepted, watches the farmer for some intervals, and starts it again. */
async function runFarm(folder: string, contracts: number): Promise<FarmFigures> {
  const { path, sha256 } = writeSmallGenesis(folder, CHUNK_BYTES);
  await using node = await startMockNode({
    MOCK_CHUNK_SIZES: String(CHUNK_BYTES),
    MOCK_CHALLENGES: String(CHALLENGES),
    MOCK_INTERVAL: String(INTERVAL_S),
    MOCK_LOG_LEVEL: 'warn',
    MOCK_MAX_CONTRACTS: String(contracts),
    MOCK_PREPARED_CHUNKS: '100',
  });
  const env = {
    FARMER_PROTOCOL: 'v1',
    FARMER_DATA_DIR: join(folder, `farm-${contracts}`),
    FARMER_SIZE: String(contracts * CHUNK_BYTES),
    FARMER_GENESIS: path,
    FARMER_GENESIS_SHA256: sha256,
  };
  const figures = await farm(node, env, contracts);
  return { ...figures, startSeconds: await measureStart(node, env) };
}

async function farm(
  node: MockNodeService,
  env: Readonly<Record<string, string>>,
  contracts: number,
): Promise<Omit<FarmFigures, 'startSeconds'>> {
  const start = performance.now();
  await using farmer = await startFarmer(node, env);
  await waitUntil(`${contracts} contracts`, { timeoutMs: 600_000, pollMs: 500 }, async () => {
    const { total, generating } = (await farmer.status()).contracts;
    return total === contracts && generating === 0;
  });
  const fillSeconds = (performance.now() - start) / 1000;
  farmer.resetPeak();
  const durationMs = INTERVALS * INTERVAL_S * 1000 + REQUEST_MS;
  const { increase, cpuMs, delayP99Ms } = await reportOtherLoad(async () => await watch(farmer, durationMs));
  const passed = increase('farmer_challenges_passed_total');
  const { failed } = (await farmer.status()).challenges;
  console.error(`  ${contracts} contracts accepted in ${fillSeconds.toFixed(1)} s; ${passed} challenges passed`);
  return { passed, failed, cpuMs: cpuMs / passed, delayP99Ms, peakMiB: farmer.getPeakMiB() };
}

async function measureStart(node: MockNodeService, env: Readonly<Record<string, string>>): Promise<number> {
  const start = performance.now();
  await using farmer = await startFarmer(node, env);
  await waitUntil('readiness', { timeoutMs: 60_000, pollMs: 20 }, async () => await isReady(farmer));
  return (performance.now() - start) / 1000;
}

async function isReady({ url }: FarmerService): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}
