import { setTimeout as sleep } from 'node:timers/promises';
import { type SmallGenesis, writeSmallGenesis } from './genesis.ts';
import { type Answered, type Challenge, MinimalFarmer } from './minimal-farmer.ts';
import { reportOtherLoad } from './other-load.ts';
import { createResult, type Result } from './result.ts';
import { quantile } from './rounds.ts';
import { startMockNode } from './services.ts';
import { watch } from './watch.ts';

const CONTRACTS = 20_000;
const GENESIS_BYTES = 4 * 1024;
const INTERVAL_MS = 60_000;
const LISTINGS_PER_INTERVAL = 10;
const CONNECTIONS = 8;
/** Accepted before memory is measured, so that one-time allocations do not count. */
const WARM_UP_CONTRACTS = 1_000;
const MAX_BYTES_PER_CONTRACT = 4_096;
const RESPONSE_LIMIT_MS = 100;
/** The processor time available per answer, on one processor. */
const CPU_US = (INTERVAL_MS * 1000) / CONTRACTS;

/**
 * Measures a mock node with 20 000 contracts, chunks of 4 KiB and an interval of one minute. All contracts belong to
 * one farmer, which makes its listings as long as possible. The farmer accepts the contracts and answers their first
 * challenges as fast as it can. Then it answers each contract once, evenly spread over one interval, with ten listings
 * and a scrape every 15 seconds. A late answer does not pass.
 *
 * Response times include delays of the client. CPU time is that of the whole node in the last interval, divided by the
 * number of answers. Memory is the growth of the resident set after garbage collection, from the warm-up to the end.
 */
export async function measureMockScale(folder: string): Promise<Result[]> {
  const genesis = writeSmallGenesis(folder, GENESIS_BYTES);
  await using node = await startNode(genesis);
  const farmer = new MinimalFarmer(node.url, { genesis: genesis.content, connections: CONNECTIONS });
  await farmer.register();

  const start = performance.now();
  await acceptContracts(farmer, WARM_UP_CONTRACTS);
  const warmBytes = await node.getResidentBytes();
  await acceptContracts(farmer, CONTRACTS - WARM_UP_CONTRACTS);
  const fillSeconds = (performance.now() - start) / 1000;

  await sleepUntil(start + INTERVAL_MS);
  const [observation, answers] = await reportOtherLoad(
    async () => await Promise.all([watch(node, INTERVAL_MS), answerForOneInterval(farmer)]),
  );
  const grownBytes = (await node.getResidentBytes()) - warmBytes;
  farmer.close();

  const passed = answers.filter((answer) => answer.passed).length;
  const cpuUs = (observation.cpuMs * 1000) / observation.increase('mock_node_challenges_total{result="passed"}');
  console.error(
    `  ${CONTRACTS} contracts accepted in ${fillSeconds.toFixed(1)} s; ${passed} of ${answers.length} answers passed in one interval`,
  );
  const responseMs = answers.map((answer) => answer.responseMs);
  const bytesPerContract = grownBytes / (CONTRACTS - WARM_UP_CONTRACTS);
  return [
    createResult('mock-contracts', passed, 'passed', CONTRACTS, { min: 1 }),
    createResult('mock-contracts-response-p99', quantile(responseMs, 0.99), 'ms', RESPONSE_LIMIT_MS),
    createResult('mock-contracts-event-loop-p99', observation.delayP99Ms, 'ms', RESPONSE_LIMIT_MS),
    createResult('mock-contracts-cpu-per-answer', cpuUs, 'µs', CPU_US),
    createResult('mock-bytes-per-contract', bytesPerContract, 'bytes', MAX_BYTES_PER_CONTRACT, { max: 1 }),
  ];
}

async function startNode({ path, sha256 }: SmallGenesis) {
  return await startMockNode({
    MOCK_GENESIS: path,
    MOCK_GENESIS_SHA256: sha256,
    MOCK_INTERVAL: String(INTERVAL_MS / 1000),
    MOCK_MAX_CONTRACTS: String(CONTRACTS),
  });
}

/** Accepts contracts and answers their first challenges as fast as possible. */
async function acceptContracts(farmer: MinimalFarmer, contracts: number): Promise<void> {
  let left = contracts;
  const acceptAndAnswer = async () => {
    while (left-- > 0) await farmer.answer(await farmer.acceptContract());
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, acceptAndAnswer));
}

/**
 * Answers each contract once, evenly spread over the interval after the second listing. A machine that is too slow gets
 * another interval, but its answers are late.
 */
async function answerForOneInterval(farmer: MinimalFarmer): Promise<Answered[]> {
  const start = performance.now();
  const listingMs = INTERVAL_MS / LISTINGS_PER_INTERVAL;
  const known = new Set<string>();
  const due: Challenge[] = [];
  const answers: Promise<Answered>[] = [];
  const isOver = () => answers.length === CONTRACTS || performance.now() > start + 2 * INTERVAL_MS;
  const list = async () => {
    for (let n = 0; n < LISTINGS_PER_INTERVAL || !isOver(); n++) {
      await sleepUntil(start + n * listingMs);
      due.push(...(await farmer.listDueChallenges()).filter(({ hash }) => !known.has(hash)));
      for (const { hash } of due) known.add(hash);
    }
  };
  const answer = async () => {
    while (!isOver()) {
      await sleepUntil(start + listingMs + (answers.length * (INTERVAL_MS - listingMs)) / CONTRACTS);
      const challenge = due[answers.length];
      if (challenge === undefined) await sleep(1);
      else answers.push(farmer.answer(challenge));
    }
  };
  await Promise.all([list(), answer()]);
  return await Promise.all(answers);
}

async function sleepUntil(moment: number): Promise<void> {
  const left = moment - performance.now();
  if (left > 0) await sleep(left);
}
