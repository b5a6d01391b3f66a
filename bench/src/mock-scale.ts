import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { randomio } from '@downstream/file-encryptor';
import { type Answered, type Challenge, MinimalFarmer } from './minimal-farmer.ts';
import { measureOtherLoad } from './other-load.ts';
import { type Result, result } from './result.ts';
import { quantile } from './rounds.ts';
import { startMockNode } from './services.ts';
import { watch } from './watch.ts';

const CONTRACTS = 20_000;
const GENESIS_BYTES = 4 * 1024;
const INTERVAL_MS = 60_000;
const LISTINGS_PER_INTERVAL = 10;
const CONNECTIONS = 8;
/** Contracts of a node that has only warmed up: what it needs once, and not for each contract, is not counted for any. */
const WARM = 1_000;
const MAX_BYTES_PER_CONTRACT = 4_096;
/** What a person would call at once. */
const RESPONSE_LIMIT_MS = 100;
/** The processor time that there is for each answer, if one processor does nothing else. */
const CPU_US = (INTERVAL_MS * 1000) / CONTRACTS;

/**
 * One mock node as it is built, in a process of its own, with twenty thousand contracts on chunks of 4 KiB and an interval
 * of a minute, all of one farmer: no node can have longer listings. Each contract is taken, and its first challenge
 * answered, as fast as it goes. Then, for one whole interval, each is answered once, evenly, while the farmer asks ten
 * times what is due and a Prometheus server looks every 15 seconds. An answer that comes too late does not pass.
 *
 * Shown beside it: replies as the farmer sees them, from asking to their end, so that its own turns and its neighbours' are in
 * them; how late the node's event loop is; and all processor time of the node in that interval, listings and scrapes
 * too, by answer. Memory is how much the process's resident set grew, from a thousand contracts to the end of that
 * interval, with garbage collected: JavaScript's heap, native memory and all else that there is.
 */
export async function mockScale(folder: string): Promise<Result[]> {
  const genesis = Buffer.concat([...randomio('bench', GENESIS_BYTES)]);
  await using node = await startNode(folder, genesis);
  const farmer = new MinimalFarmer(node.url, { genesis, connections: CONNECTIONS });
  await farmer.register();

  const start = performance.now();
  await fill(farmer, WARM);
  const warmBytes = await node.residentBytes();
  await fill(farmer, CONTRACTS - WARM);
  const fillSeconds = (performance.now() - start) / 1000;

  await pauseUntil(start + INTERVAL_MS);
  const { value, otherCores } = await measureOtherLoad(
    async () => await Promise.all([watch(node, INTERVAL_MS), answerForAnInterval(farmer)]),
  );
  const [watched, replies] = value;
  const grownBytes = (await node.residentBytes()) - warmBytes;
  farmer.close();

  const passed = replies.filter((reply) => reply.passed).length;
  const cpuUs = (watched.cpuMs * 1000) / watched.risen('mock_node_challenges_total{result="passed"}');
  console.error(
    `  ${CONTRACTS} contracts taken and answered in ${fillSeconds.toFixed(1)} s, then ${passed} answers of ${replies.length} passed in an interval`,
  );
  console.error(
    `  meanwhile other processes, the node among them, kept ${otherCores.toFixed(2)} of ${cpus().length} processors busy`,
  );
  const responseMs = replies.map((reply) => reply.responseMs);
  return [
    result('mock-contracts', passed, 'passed', CONTRACTS, { least: 1 }),
    result('mock-contracts-reply-p99', quantile(responseMs, 0.99), 'ms', RESPONSE_LIMIT_MS),
    result('mock-contracts-event-loop-p99', watched.delayP99Ms, 'ms', RESPONSE_LIMIT_MS),
    result('mock-contracts-cpu-per-answer', cpuUs, 'µs', CPU_US),
    result('mock-bytes-per-contract', grownBytes / (CONTRACTS - WARM), 'bytes', MAX_BYTES_PER_CONTRACT, { most: 1 }),
  ];
}

async function startNode(folder: string, genesis: Buffer) {
  const path = join(folder, 'tiny-genesis');
  writeFileSync(path, genesis);
  return await startMockNode({
    MOCK_GENESIS: path,
    MOCK_GENESIS_SHA256: createHash('sha256').update(genesis).digest('hex'),
    MOCK_INTERVAL: String(INTERVAL_MS / 1000),
    MOCK_MAX_CONTRACTS: String(CONTRACTS),
  });
}

/** Takes contracts, and answers their first challenges, as fast as it goes. */
async function fill(farmer: MinimalFarmer, contracts: number): Promise<void> {
  let left = contracts;
  const lane = async () => {
    while (left-- > 0) await farmer.answer(await farmer.take());
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

/**
 * Answers each contract once, evenly over what the second listing leaves of an interval, as challenges become known. A
 * machine that is too slow for that gets another interval, in which challenges are over before they are answered.
 */
async function answerForAnInterval(farmer: MinimalFarmer): Promise<Answered[]> {
  const start = performance.now();
  const listingMs = INTERVAL_MS / LISTINGS_PER_INTERVAL;
  const known = new Set<string>();
  const due: Challenge[] = [];
  const answers: Promise<Answered>[] = [];
  const isOver = () => answers.length === CONTRACTS || performance.now() > start + 2 * INTERVAL_MS;
  const list = async () => {
    for (let n = 0; n < LISTINGS_PER_INTERVAL || !isOver(); n++) {
      await pauseUntil(start + n * listingMs);
      due.push(...(await farmer.due()).filter(({ hash }) => !known.has(hash)));
      for (const { hash } of due) known.add(hash);
    }
  };
  const answer = async () => {
    while (!isOver()) {
      await pauseUntil(start + listingMs + (answers.length * (INTERVAL_MS - listingMs)) / CONTRACTS);
      const challenge = due[answers.length];
      if (challenge === undefined) await pause(1);
      else answers.push(farmer.answer(challenge));
    }
  };
  await Promise.all([list(), answer()]);
  return await Promise.all(answers);
}

async function pauseUntil(moment: number): Promise<void> {
  const left = moment - performance.now();
  if (left > 0) await pause(left);
}
