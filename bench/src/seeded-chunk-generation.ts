import { join } from 'node:path';
import { WorkerPool } from '../../farmer/src/chunks/worker-pool.ts';
import { measureStreams } from './chunk-generation.ts';
import { CHUNK_MIB, combineRates, measureAes, measureRead, measureWrite } from './limits.ts';
import { createResult, type Result } from './result.ts';
import { interleave, median } from './rounds.ts';

const ROUNDS = 15;
const SIZE = CHUNK_MIB * 2 ** 20;
const SEED = 'bench';

/** The generation and verification of seeded chunks by the farmer's worker, without the flush. */
export async function measureSeededChunkGeneration(folder: string): Promise<Result[]> {
  const pool = new WorkerPool({ workers: 1 });
  const [path, chunk] = [join(folder, 'written'), join(folder, 'chunk')];
  try {
    await pool.run({ kind: 'seeded_chunk', path: chunk, seed: SEED, size: SIZE });
    const rates = await interleave(ROUNDS, median, {
      aes: measureAes,
      write: () => measureWrite(path, { flush: false }),
      generate: async () =>
        await measureStreams(1, path, async (seed, target) => {
          await pool.run({ kind: 'seeded_chunk', path: target, seed, size: SIZE });
          return target;
        }),
      read: () => measureRead(chunk),
      compare: async () => {
        const { value, seconds } = await pool.run({ kind: 'compare_seed', path: chunk, seed: SEED, size: SIZE });
        if (!value) throw new Error('the chunk differs from its seed');
        return CHUNK_MIB / seconds;
      },
    });
    const limit = combineRates(rates.aes, rates.write);
    return [
      createResult('seeded-chunk-generation', rates.generate, 'MiB/s', limit, { min: 0.8 }),
      createResult('seeded-chunk-verification', rates.compare, 'MiB/s', combineRates(rates.aes, rates.read)),
    ];
  } finally {
    await pool.close();
  }
}
