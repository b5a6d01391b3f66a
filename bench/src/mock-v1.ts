import { type Challenge, MinimalV1Farmer } from './minimal-v1-farmer.ts';
import { reportOtherLoad } from './other-load.ts';
import { createResult, type Result } from './result.ts';
import { median } from './rounds.ts';
import { type MockNodeService, startMockNode } from './services.ts';

const CONTRACTS = 20_000;
const CHUNK_BYTES = 32 * 1024;
/** Few, because encoding a chunk takes time in proportion. A proof with 256 has two pairs of hashes more. */
const CHALLENGES = 64;
const CHUNKS_PER_REQUEST = 10;
/** Contracts in one request. */
const BATCH = 100;
const ROUNDS = 3;
const INTERVAL_MS = 60_000;
const LIMIT_MS = 0.2;

/**
 * Measures a mock node with 20 000 contracts of the v1 API: Merkle, chunks of 32 KiB. Its clock stands still while the
 * farmer requests and answers the challenges of all contracts, a hundred in each request, and then advances by one
 * interval.
 *
 * The figures are the processor time of the whole node, threads included, for one challenge and for one answer.
 */
export async function measureMockV1(): Promise<Result[]> {
  await using node = await startMockNode({
    MOCK_CHUNK_SIZES: String(CHUNK_BYTES),
    MOCK_CHALLENGES: String(CHALLENGES),
    MOCK_LOG_LEVEL: 'warn',
    MOCK_PREPARED_CHUNKS: '100',
    MOCK_INTERVAL: String(INTERVAL_MS / 1000),
    MOCK_MAX_CONTRACTS: String(CONTRACTS),
  });
  await node.control('PUT', 'clock', { mode: 'frozen' });
  const farmer = new MinimalV1Farmer(node.url, { challenges: ROUNDS + 1 });
  await farmer.register();
  const start = performance.now();
  await acceptAndAnswer(farmer);
  console.error(`  ${CONTRACTS} contracts accepted in ${((performance.now() - start) / 1000).toFixed(1)} s`);

  const rounds = await reportOtherLoad(async () => {
    const measured: Round[] = [];
    while (measured.length < ROUNDS) {
      await node.control('POST', 'clock/advance', { ms: INTERVAL_MS });
      measured.push(await measureRound(node, farmer));
    }
    return measured;
  });
  farmer.close();
  const summarize = (select: (round: Round) => number) => median(rounds.map(select));
  const passed = Math.min(...rounds.map((round) => round.passed));
  return [
    createResult('mock-v1-contracts', passed, 'passed', CONTRACTS, { min: 1 }),
    createResult(
      'mock-v1-cpu-per-challenge',
      summarize((round) => round.challengeMs),
      'ms',
      LIMIT_MS,
      { max: 1 },
    ),
    createResult(
      'mock-v1-cpu-per-answer',
      summarize((round) => round.answerMs),
      'ms',
      LIMIT_MS,
      { max: 1 },
    ),
  ];
}

interface Round {
  readonly passed: number;
  /** Processor time for one contract. */
  readonly challengeMs: number;
  readonly answerMs: number;
}

/** Accepts all contracts and answers their first challenges. */
async function acceptAndAnswer(farmer: MinimalV1Farmer): Promise<void> {
  for (let accepted = 0; accepted < CONTRACTS; ) {
    const challenges = await farmer.acceptContracts(CHUNKS_PER_REQUEST * CHUNK_BYTES);
    if (challenges.length === 0) throw new Error(`the node offered only ${accepted} contracts`);
    accepted += challenges.length;
    await farmer.answer(farmer.prove(challenges));
  }
}

async function measureRound(node: MockNodeService, farmer: MinimalV1Farmer): Promise<Round> {
  const batches: (readonly Challenge[])[] = [];
  const before = node.getCpuMs();
  for (const ids of split(farmer.ids)) batches.push(await farmer.requestChallenges(ids));
  const between = node.getCpuMs();
  let passed = 0;
  for (const batch of batches) passed += await farmer.answer(farmer.prove(batch));
  const after = node.getCpuMs();
  return { passed, challengeMs: (between - before) / CONTRACTS, answerMs: (after - between) / CONTRACTS };
}

function split(ids: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, n) => ids.slice(n * BATCH, (n + 1) * BATCH));
}
