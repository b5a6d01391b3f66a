import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { randomio } from '@downstream/file-encryptor';
import { type Answered, type Challenge, PlainFarmer } from './plain-farmer.ts';
import { type Result, result } from './result.ts';
import { quantile } from './rounds.ts';
import { type Service, startMockNode } from './services.ts';
import { watch } from './watch.ts';

const CONTRACTS = 20_000;
const GENESIS_BYTES = 4 * 1024;
const INTERVAL_MS = 60_000;
const LISTINGS_AN_INTERVAL = 10;
const CONNECTIONS = 8;
/** Contracts of a node that has only warmed up: what it needs once, and not for each contract, is not counted for any. */
const WARM = 1_000;
const BYTES_A_CONTRACT = 4_096;
const REPLY_MS = 100;

/**
 * One mock node as it is built, in a process of its own, with twenty thousand contracts on chunks of 4 KiB and an interval
 * of a minute, all of one farmer: so its listings are as long as they can be. Each contract is taken and its first challenge
 * answered as fast as the node goes. Then, for one whole interval, each is answered once, evenly over the interval,
 * while the farmer asks ten times what is due and a Prometheus server looks every 15 seconds.
 *
 * Replies are timed by the farmer, from asking to the end of the reply. Memory is the growth of the process's resident set
 * from a node that has warmed up to the end of that interval, garbage collected both times: JavaScript heap, native memory
 * and all else that there is.
 */
export async function mockScale(folder: string): Promise<Result[]> {
  const genesis = Buffer.concat([...randomio('bench', GENESIS_BYTES)]);
  await using node = await startNode(folder, genesis);
  const farmer = new PlainFarmer(node.url, { genesis, connections: CONNECTIONS });
  await farmer.register();

  const start = performance.now();
  await fill(farmer, WARM);
  const warmBytes = await node.residentBytes();
  await fill(farmer, CONTRACTS - WARM);
  const fillSeconds = (performance.now() - start) / 1000;

  await pause(start + INTERVAL_MS - performance.now());
  const [watched, replies] = await Promise.all([watch(node, INTERVAL_MS), answerForAnInterval(farmer)]);
  const grownBytes = (await node.residentBytes()) - warmBytes;
  farmer.close();

  const passed = replies.filter((reply) => reply.passed).length;
  console.error(
    `  ${CONTRACTS} contracts taken and answered in ${fillSeconds.toFixed(1)} s, then ${passed} answers of ${replies.length} passed in an interval`,
  );
  const replyMs = replies.map((reply) => reply.replyMs);
  return [
    result('mock-contracts', passed, 'passed', CONTRACTS, { least: 1 }),
    result('mock-contracts-reply-p99', quantile(replyMs, 0.99), 'ms', REPLY_MS, { most: 1 }),
    result('mock-contracts-event-loop-p99', watched.delayP99Ms, 'ms', REPLY_MS),
    result('mock-contracts-cpu-per-answer', (watched.cpuMs * 1000) / replies.length, 'µs', 60e6 / CONTRACTS),
    result('mock-bytes-per-contract', grownBytes / (CONTRACTS - WARM), 'bytes', BYTES_A_CONTRACT, { most: 1 }),
  ];
}

async function startNode(folder: string, genesis: Buffer): Promise<Service> {
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
async function fill(farmer: PlainFarmer, contracts: number): Promise<void> {
  let left = contracts;
  const lane = async () => {
    while (left-- > 0) await farmer.answer(await farmer.take());
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

/** Answers each contract once, evenly over what the second listing leaves of an interval, as challenges become known. */
async function answerForAnInterval(farmer: PlainFarmer): Promise<Answered[]> {
  const start = performance.now();
  const listingMs = INTERVAL_MS / LISTINGS_AN_INTERVAL;
  const known = new Set<string>();
  const due: Challenge[] = [];
  const listings = (async () => {
    for (let n = 0; n < LISTINGS_AN_INTERVAL; n++) {
      await pauseUntil(start + n * listingMs);
      due.push(...(await farmer.due()).filter(({ hash }) => !known.has(hash)));
      for (const { hash } of due) known.add(hash);
    }
  })();
  const answers: Promise<Answered>[] = [];
  while (answers.length < CONTRACTS && performance.now() < start + INTERVAL_MS) {
    await pauseUntil(start + listingMs + (answers.length * (INTERVAL_MS - listingMs)) / CONTRACTS);
    const challenge = due[answers.length];
    if (challenge === undefined) await pause(1);
    else answers.push(farmer.answer(challenge));
  }
  await listings;
  return await Promise.all(answers);
}

async function pauseUntil(moment: number): Promise<void> {
  const left = moment - performance.now();
  if (left > 0) await pause(left);
}
