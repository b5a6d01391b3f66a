import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ChunkFiles } from '../../farmer/src/chunks/chunk-files.ts';
import { ChunkStore } from '../../farmer/src/chunks/chunk-store.ts';
import { ensureStandardGenesis, type Genesis } from '../../farmer/src/chunks/genesis.ts';
import { createSingleFolder } from '../../farmer/src/chunks/single-folder.ts';
import { WorkerPool } from '../../farmer/src/chunks/worker-pool.ts';
import { CHUNK_MIB, combineRates, measureAes, measureSha, measureWrite } from './limits.ts';
import { reportOtherLoad } from './other-load.ts';
import { createResult, type Result } from './result.ts';
import { interleave, median } from './rounds.ts';

const ROUNDS = 9;
const CHUNKS_PER_STREAM = 4;

/**
 * The generation of chunks by the farmer's own workers, compared with encrypting, hashing and writing one after the
 * other.
 *
 * The first two results end when the worker has written the file. The `to-disk` results include the flush, which the
 * farmer does outside its workers, and show how much the disk slows generation down.
 */
export async function measureChunkGeneration(folder: string): Promise<Result[]> {
  const pools = [new WorkerPool({ workers: 1 }), new WorkerPool({ workers: 2 })] as const;
  try {
    const [one, two] = pools;
    const genesis = await ensureStandardGenesis(join(folder, 'genesis'), { pool: one });
    const path = join(folder, 'written');
    const rates = await reportOtherLoad(
      async () =>
        await interleave(ROUNDS, median, {
          aes: measureAes,
          sha: measureSha,
          write: () => measureWrite(path, { flush: false }),
          one: async () => await measureStreams(1, path, createGenerator(one, genesis)),
          two: async () => await measureStreams(2, path, createGenerator(two, genesis)),
          writeToDisk: () => measureWrite(path, { flush: true }),
          oneToDisk: async () => await measureStore(1, folder, one, genesis),
          twoToDisk: async () => await measureStore(2, folder, two, genesis),
        }),
    );
    const limit = combineRates(rates.aes, rates.sha, rates.write);
    const limitToDisk = combineRates(rates.aes, rates.sha, rates.writeToDisk);
    return [
      createResult('chunk-generation-1-worker', rates.one, 'MiB/s', limit, { min: 0.8 }),
      createResult('chunk-generation-2-workers', rates.two, 'MiB/s', rates.one, { min: 1.6 }),
      createResult('chunk-generation-1-worker-to-disk', rates.oneToDisk, 'MiB/s', limitToDisk),
      createResult('chunk-generation-2-workers-to-disk', rates.twoToDisk, 'MiB/s', rates.oneToDisk),
    ];
  } finally {
    for (const pool of pools) await pool.close();
  }
}

/** Generates one chunk. @returns the path of its file, which may differ from the given one */
type GenerateChunk = (secret: string, path: string) => Promise<string>;

function createGenerator(pool: WorkerPool, genesis: Genesis): GenerateChunk {
  return async (secret, path) => {
    await pool.run({ kind: 'chunk', path, genesisPath: genesis.path, genesisSha256: genesis.sha256, secret });
    return path;
  };
}

async function measureStore(streams: number, folder: string, pool: WorkerPool, genesis: Genesis): Promise<number> {
  const files = new ChunkFiles(join(folder, 'chunks'));
  await files.create();
  const chunks = new ChunkStore({ genesis }, { locations: createSingleFolder(files), pool });
  return await measureStreams(streams, folder, async (secret) => files.path(await chunks.generate(secret)));
}

/** @returns MiB/s of several streams, each of which generates one chunk after the other */
export async function measureStreams(streams: number, path: string, generate: GenerateChunk): Promise<number> {
  const start = performance.now();
  const generated = await Promise.all(
    Array.from({ length: streams }, async (_, stream) => {
      const paths: string[] = [];
      for (let n = 0; n < CHUNKS_PER_STREAM; n++)
        paths.push(await generate(`${stream}-${n}`, `${path}-${stream}-${n}`));
      return paths;
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const paths = generated.flat();
  for (const each of paths) rmSync(each);
  return (paths.length * CHUNK_MIB) / seconds;
}
