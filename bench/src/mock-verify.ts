import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import { fileGenesis } from '../../mock-node/src/chunks/genesis.ts';
import { Minter } from '../../mock-node/src/chunks/minter.ts';
import { Draws } from '../../mock-node/src/ledger/draws.ts';
import { Ledger } from '../../mock-node/src/ledger/ledger.ts';
import { type Result, result } from './result.ts';
import { inTurns, medians } from './rounds.ts';

const CONTRACTS = 20_000;
const ROUNDS = 9;
const INTERVAL_MS = 60_000;
const GENESIS_BYTES = 4 * 1024;
const LIMIT_US = 100;

/**
 * What it costs the node to judge an answer, without HTTP: the contract looked up and brought into its round, the round's
 * challenge drawn, and the answer held against the chunk's running hash. All of it is the processor's time.
 */
export async function mockVerify(folder: string): Promise<Result[]> {
  const path = join(folder, 'tiny-genesis');
  const genesis = Buffer.concat([...randomio('bench', GENESIS_BYTES)]);
  writeFileSync(path, genesis);
  const minter = new Minter(fileGenesis(path, createHash('sha256').update(genesis).digest('hex')));
  const options = { intervalMs: INTERVAL_MS, maxContracts: CONTRACTS, maxFailures: 1_000_000 };
  const ledger = new Ledger(() => options, { draws: new Draws('bench'), observer: {} });
  const token = ledger.register();
  const hashes: string[] = [];
  for (let next = ledger.nextSecret(0); next !== undefined; next = ledger.nextSecret(0)) {
    const { index, secret } = next;
    const chunk = await minter.mint(secret);
    ledger.start(token, { index, chunk, intervalMs: INTERVAL_MS }, 0);
    hashes.push(chunk.fileHash);
  }

  let now = 0;
  const answer = () => {
    now += INTERVAL_MS;
    const before = process.cpuUsage();
    // Wrong ones cost what right ones do.
    for (const hash of hashes) ledger.answer(token, { hash, response: hash }, now);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / hashes.length;
  };
  const { answer: cpuUs } = medians(await inTurns(ROUNDS, { answer }));
  return [result('mock-verify', cpuUs, 'µs', LIMIT_US, { most: 1 })];
}
