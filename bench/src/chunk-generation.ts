import { rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ChunkFiles } from '../../farmer/src/chunks/chunk-files.ts';
import { ChunkStore } from '../../farmer/src/chunks/chunk-store.ts';
import { ensureStandardGenesis, type Genesis } from '../../farmer/src/chunks/genesis.ts';
import { SingleFolder } from '../../farmer/src/chunks/single-folder.ts';
import { WorkerPool } from '../../farmer/src/chunks/worker-pool.ts';
import { aesRate, CHUNK_MIB, sequentialRate, shaRate, writeRate } from './limits.ts';
import { measureOtherLoad } from './other-load.ts';
import { type Result, result } from './result.ts';
import { interleave, medians } from './rounds.ts';

const ROUNDS = 9;
const CHUNKS_PER_STREAM = 4;

/**
 * Chunks made by the farmer's own workers, against encrypting, hashing and writing done one after the other.
 *
 * The first two rows are the workers' part, which ends with the file written. The farmer then has the file flushed, outside the
 * workers, before it takes it for a chunk: the rows `to-disk` wait for that too, with as many chunks under way as there are
 * workers, and show what the disk leaves of the speed.
 */
export async function chunkGeneration(folder: string): Promise<Result[]> {
  const pools = [new WorkerPool({ workers: 1 }), new WorkerPool({ workers: 2 })] as const;
  try {
    const [one, two] = pools;
    const genesis = await ensureStandardGenesis(join(folder, 'genesis'), one);
    const written = join(folder, 'written');
    const { value: rounds, otherCores } = await measureOtherLoad(
      async () =>
        await interleave(ROUNDS, {
          aes: aesRate,
          sha: shaRate,
          write: () => writeRate(written, { flush: false }),
          one: async () => await make(1, written, worker(one, genesis)),
          two: async () => await make(2, written, worker(two, genesis)),
          writeToDisk: () => writeRate(written, { flush: true }),
          oneToDisk: async () => await store(1, folder, one, genesis),
          twoToDisk: async () => await store(2, folder, two, genesis),
        }),
    );
    console.error(`  meanwhile other processes kept ${otherCores.toFixed(2)} of ${cpus().length} processors busy`);
    const rates = medians(rounds);
    const limit = sequentialRate(rates.aes, rates.sha, rates.write);
    const limitToDisk = sequentialRate(rates.aes, rates.sha, rates.writeToDisk);
    return [
      result('chunk-generation-1-worker', rates.one, 'MiB/s', limit, { least: 0.8 }),
      result('chunk-generation-2-workers', rates.two, 'MiB/s', rates.one, { least: 1.6 }),
      result('chunk-generation-1-worker-to-disk', rates.oneToDisk, 'MiB/s', limitToDisk),
      result('chunk-generation-2-workers-to-disk', rates.twoToDisk, 'MiB/s', rates.oneToDisk),
    ];
  } finally {
    for (const pool of pools) await pool.close();
  }
}

/** Makes one chunk from a secret at a path that is free, and says where its file is in the end. */
type MakeChunk = (secret: string, path: string) => Promise<string>;

function worker(pool: WorkerPool, genesis: Genesis): MakeChunk {
  return async (secret, path) => {
    await pool.run({ kind: 'chunk', path, genesisPath: genesis.path, genesisSha256: genesis.sha256, secret });
    return path;
  };
}

async function store(lanes: number, folder: string, pool: WorkerPool, genesis: Genesis): Promise<number> {
  const files = new ChunkFiles(join(folder, 'chunks'));
  await files.create();
  const downloads = { download: async () => await Promise.reject(new Error('nothing is downloaded here')) };
  const chunks = new ChunkStore(
    { genesis, downloadOrigins: new Set() },
    { places: new SingleFolder(files), pool, downloads },
  );
  return await make(lanes, folder, async (secret) => files.path(await chunks.generate(secret)));
}

/** @returns MiB/s of `lanes` rows of chunks: one after the other in a row, the rows at the same time */
async function make(lanes: number, path: string, makeChunk: MakeChunk): Promise<number> {
  const start = performance.now();
  const rows = await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const paths: string[] = [];
      for (let n = 0; n < CHUNKS_PER_STREAM; n++) paths.push(await makeChunk(`${lane}-${n}`, `${path}-${lane}-${n}`));
      return paths;
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  for (const made of rows.flat()) rmSync(made);
  return (rows.flat().length * CHUNK_MIB) / seconds;
}
