import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import { ChunkFactory } from '../../mock-node/src/chunks/chunk-factory.ts';
import { loadGenesisFile } from '../../mock-node/src/chunks/genesis.ts';
import { Ledger } from '../../mock-node/src/ledger/ledger.ts';
import { SeededRandom } from '../../mock-node/src/ledger/seeded-random.ts';
import { StateFile } from '../../mock-node/src/state/state-file.ts';
import { type Result, result } from './result.ts';
import { interleave, medians } from './rounds.ts';

const CONTRACTS = 20_000;
const ROUNDS = 9;
const INTERVAL_MS = 60_000;
const GENESIS_BYTES = 4 * 1024;
const LIMIT_US = 100;
const SEED = 'bench';
const OPTIONS = { maxContracts: CONTRACTS, maxFailures: 1_000_000 };

/**
 * What it costs the node to judge an answer, without HTTP: the contract looked up and brought into its round, the round's
 * challenge drawn, and the answer held against the chunk's running hash. It is the processor's time.
 *
 * Beside it: the same with a state file, each answer written before the next is judged; and the time that passes with that,
 * for a write waits for the disk now and then.
 */
export async function mockVerify(folder: string): Promise<Result[]> {
  const path = join(folder, 'tiny-genesis');
  const genesis = Buffer.concat([...randomio('bench', GENESIS_BYTES)]);
  writeFileSync(path, genesis);
  const genesisSha256 = createHash('sha256').update(genesis).digest('hex');
  const chunks = new ChunkFactory(loadGenesisFile(path, genesisSha256));
  const state = StateFile.open(join(folder, 'state.db'), { seed: SEED, genesisSha256 });
  const inMemory = await createFarm(
    new Ledger(() => OPTIONS, { random: new SeededRandom(SEED), observer: {} }),
    chunks,
  );
  const written = await createFarm(
    new Ledger(() => OPTIONS, { random: new SeededRandom(SEED), observer: {}, store: state }),
    chunks,
  );
  const save = (now: number) => state.save({ mode: 'real', scale: 1, startScale: 1, node: now, real: now });
  const us = medians(
    await interleave(ROUNDS, {
      cpu: () => cpuUs(() => inMemory.answerAll()) / CONTRACTS,
      writtenCpu: () => cpuUs(() => written.answerAll(save)) / CONTRACTS,
      writtenWall: () => wallUs(() => written.answerAll(save)) / CONTRACTS,
    }),
  );
  state.close();
  return [
    result('mock-verify', us.cpu, 'µs', LIMIT_US, { most: 1 }),
    result('mock-verify-with-state', us.writtenCpu, 'µs', LIMIT_US),
    result('mock-verify-with-state-wall', us.writtenWall, 'µs', LIMIT_US),
  ];
}

/** The processor's time for some work. */
function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The time that passes meanwhile. */
function wallUs(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1000;
}

/** A farmer of a ledger, with all contracts that there may be. Each time all are answered, another round has begun. */
async function createFarm(ledger: Ledger, chunks: ChunkFactory) {
  const token = ledger.register();
  const hashes: string[] = [];
  for (let next = ledger.reserveContract(0); next !== undefined; next = ledger.reserveContract(0)) {
    const chunk = await chunks.mint(next.secret);
    ledger.start(token, { index: next.index, chunk, intervalMs: INTERVAL_MS }, 0);
    hashes.push(chunk.fileHash);
  }
  let now = 0;
  return {
    answerAll: (answered: (now: number) => void = () => {}) => {
      now += INTERVAL_MS;
      for (const hash of hashes) {
        // Wrong ones cost what right ones do.
        ledger.answer(token, { hash, response: hash }, now);
        answered(now);
      }
    },
  };
}
