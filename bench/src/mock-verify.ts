import { join } from 'node:path';
import { ChunkFactory } from '../../mock-node/src/chunks/chunk-factory.ts';
import { loadGenesisFile } from '../../mock-node/src/chunks/genesis.ts';
import { Ledger } from '../../mock-node/src/ledger/ledger.ts';
import { SeededRandom } from '../../mock-node/src/ledger/seeded-random.ts';
import { StateFile } from '../../mock-node/src/state/state-file.ts';
import { writeSmallGenesis } from './genesis.ts';
import { createResult, type Result } from './result.ts';
import { interleave, median } from './rounds.ts';

const CONTRACTS = 20_000;
const ROUNDS = 9;
const INTERVAL_MS = 60_000;
const GENESIS_BYTES = 4 * 1024;
const LIMIT_US = 100;
const SEED = 'bench';
const OPTIONS = { maxContracts: CONTRACTS, maxFailures: 1_000_000 };

/**
 * Measures the processor time that the node needs to verify an answer, without HTTP. The node finds the contract,
 * advances it to the current round, generates the challenge, and computes the answer from the chunk's running hash.
 *
 * The other results use a state file and write each answer before verifying the next. The elapsed time includes waits
 * for the disk.
 */
export async function measureMockVerify(folder: string): Promise<Result[]> {
  const { path, sha256: genesisSha256 } = writeSmallGenesis(folder, GENESIS_BYTES);
  const factory = new ChunkFactory(await loadGenesisFile(path, genesisSha256));
  const state = StateFile.open(join(folder, 'state.db'), { seed: SEED, genesisSha256 });
  const random = new SeededRandom(SEED);
  const inMemory = await createFarm(new Ledger(() => OPTIONS, { random, observer: {} }), factory);
  const written = await createFarm(new Ledger(() => OPTIONS, { random, observer: {}, store: state }), factory);
  const save = (now: number) => state.save({ mode: 'real', scale: 1, startScale: 1, node: now, real: now });
  const us = await interleave(ROUNDS, median, {
    cpu: () => measureCpuUs(() => inMemory.answerAll()) / CONTRACTS,
    writtenCpu: () => measureCpuUs(() => written.answerAll(save)) / CONTRACTS,
    writtenElapsed: () => measureElapsedUs(() => written.answerAll(save)) / CONTRACTS,
  });
  state.close();
  return [
    createResult('mock-verify', us.cpu, 'µs', LIMIT_US, { max: 1 }),
    createResult('mock-verify-with-state', us.writtenCpu, 'µs', LIMIT_US),
    createResult('mock-verify-with-state-elapsed', us.writtenElapsed, 'µs', LIMIT_US),
  ];
}

function measureCpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function measureElapsedUs(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1000;
}

/** A ledger with the maximum number of contracts. Each call of `answerAll` answers them all in a new round. */
async function createFarm(ledger: Ledger, factory: ChunkFactory) {
  const token = ledger.register({ address: '', client: '' });
  const hashes: string[] = [];
  for (let next = ledger.reserveContract(0); next !== undefined; next = ledger.reserveContract(0)) {
    const chunk = await factory.generate(next.secret);
    ledger.digests.start(token, { index: next.index, chunk, intervalMs: INTERVAL_MS }, 0);
    hashes.push(chunk.fileHash);
  }
  let now = 0;
  return {
    answerAll: (onAnswered: (now: number) => void = () => {}) => {
      now += INTERVAL_MS;
      for (const hash of hashes) {
        // A wrong answer costs as much as a correct one.
        ledger.digests.answer(token, { hash, response: hash }, now);
        onAnswered(now);
      }
    },
  };
}
