import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import { type Result, result } from './result.ts';
import { type Service, startFarmer, startMockNode, until } from './services.ts';

const MIB = 2 ** 20;
const PASSED = 'farmer_challenges_passed_total';
const FAILED = 'farmer_challenges_failed_total';
/**
 * The event loop's delay is sampled by a timer of 10 ms, and each sample is the time between two of its ticks: of an idle
 * loop it says 10 ms. Taken off, what is left is the delay.
 */
const SAMPLING_MS = 10;

/** Memory, event loop and first pass of a farmer with two workers and 32 MiB chunks. */
export async function largeChunks(folder: string): Promise<Result[]> {
  const data = join(folder, 'large');
  const node = await startMockNode({ MOCK_INTERVAL: '4' });
  const env = { FARMER_DATA_DIR: data, FARMER_SIZE: String(24 * 32 * MIB) };
  const delays: number[] = [];
  let farmer = await startFarmer(node, env);
  await until(
    'two proofs of each of 24 chunks',
    120_000,
    async () => {
      delays.push(await delayMs(farmer));
      return (await farmer.metric(PASSED)) >= 48;
    },
    1_000,
  );
  const peak = farmer.peakMiB();
  await farmer.stop();
  await node.stop();

  // Again, on a new data directory with its genesis file there already, but for that nothing.
  const fresh = await startMockNode({ MOCK_INTERVAL: '60' });
  const first = join(folder, 'first');
  const envOfFirst = { FARMER_DATA_DIR: first, FARMER_SIZE: String(32 * MIB) };
  const before = await startMockNode({ MOCK_MAX_CONTRACTS: '0' });
  await (await startFarmer(before, envOfFirst)).stop();
  await before.stop();
  const start = performance.now();
  farmer = await startFarmer(fresh, { ...envOfFirst, FARMER_NODE_MOVED: 'true' });
  await until('the first pass', 30_000, async () => (await farmer.metric(PASSED)) > 0);
  const seconds = (performance.now() - start) / 1000;
  await farmer.stop();
  await fresh.stop();
  return [
    result('farmer-rss', peak, 'MiB', 200, { most: 1 }),
    result('event-loop-delay-p99', Math.max(...delays), 'ms', 20, { most: 1 }),
    result('first-pass', seconds, 's', 3, { most: 1 }),
  ];
}

/** Thousands of contracts over a genesis file of 16 KiB. */
export async function prototypeFarm(folder: string): Promise<Result[]> {
  const few = await steadyFarm(folder, 500, 2);
  const many = await steadyFarm(folder, 5_000, 4);
  return [
    result('prototype-farm', many.passed, 'challenges passed in time', many.due, { least: 1 }),
    result('prototype-farm-failed', many.failed, 'challenges failed', 1, { most: 0 }),
    result('prototype-farm-event-loop-delay-p99', many.delayMs, 'ms', 20, { most: 1 }),
    result('prototype-farm-cpu-per-challenge', many.cpuMs, 'ms at 5000 contracts; limit at 500', few.cpuMs, {
      most: 1.3,
    }),
  ];
}

/** Fills a farm, then lets it run for some intervals. */
async function steadyFarm(folder: string, contracts: number, intervals: number) {
  const genesis = Buffer.concat([...randomio('bench', 16 * 1024)]);
  const path = join(folder, 'small-genesis');
  writeFileSync(path, genesis);
  const sha256 = createHash('sha256').update(genesis).digest('hex');
  const node = await startMockNode({ MOCK_GENESIS: path, MOCK_GENESIS_SHA256: sha256, MOCK_INTERVAL: '30' });
  const farmer = await startFarmer(node, {
    FARMER_DATA_DIR: join(folder, `farm-${contracts}`),
    FARMER_SIZE: String(contracts * genesis.length),
    FARMER_GENESIS: path,
    FARMER_GENESIS_SHA256: sha256,
  });
  await until(
    'the farm to fill',
    120_000,
    async () => (await farmer.metric('farmer_contracts', 'waiting')) === contracts,
    500,
  );
  await delayMs(farmer);
  const passed = await farmer.metric(PASSED);
  const cpu = await farmer.metric('process_cpu_seconds_total');
  const due = contracts * intervals;
  const delays: number[] = [];
  await until(
    'its challenges',
    (intervals + 1) * 30_000,
    async () => {
      delays.push(await delayMs(farmer));
      return (await farmer.metric(PASSED)) - passed + (await farmer.metric(FAILED)) >= due;
    },
    5_000,
  );
  const passedNow = (await farmer.metric(PASSED)) - passed;
  const seen = {
    due,
    passed: passedNow,
    failed: await farmer.metric(FAILED),
    cpuMs: (((await farmer.metric('process_cpu_seconds_total')) - cpu) * 1000) / passedNow,
    delayMs: Math.max(...delays),
  };
  await farmer.stop();
  await node.stop();
  return seen;
}

/** The 99th percentile since the last look. */
async function delayMs(farmer: Service): Promise<number> {
  return Math.max(0, (await farmer.metric('nodejs_eventloop_lag_p99_seconds')) * 1000 - SAMPLING_MS);
}
