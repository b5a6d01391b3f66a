import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_BYTES } from '@downstream/file-encryptor';
import { proveFile } from '../../farmer/src/chunks/chunk-work.ts';
import { ensureStandardGenesis, type Genesis } from '../../farmer/src/chunks/genesis.ts';
import { WorkerPool } from '../../farmer/src/chunks/worker-pool.ts';
import { median, type Result, result } from './result.ts';

const MIB = 2 ** 20;
const CHUNK_MIB = 32;
const BLOCKS = (CHUNK_MIB * MIB) / BLOCK_BYTES;
const ROUNDS = 7;

/** Chunks made by the farmer's own workers, against encrypting, hashing and writing done one after the other and nothing else. */
export async function chunkGeneration(folder: string): Promise<Result[]> {
  const pool = new WorkerPool({ workers: 2 });
  try {
    const genesis = await ensureStandardGenesis(join(folder, 'genesis'), pool);
    // In turns, so that a disk or a neighbour that changes its mind weighs on both sides alike.
    const rates = {
      aes: [] as number[],
      sha: [] as number[],
      write: [] as number[],
      one: [] as number[],
      two: [] as number[],
    };
    for (let round = 0; round <= ROUNDS; round++) {
      const seen = {
        aes: rate(1, encryptOnly),
        sha: rate(1, hashOnly),
        write: rate(1, () => writeOnly(join(folder, `written-${round}`))),
        one: await generate(pool, genesis, folder, [4]),
        two: await generate(pool, genesis, folder, [4, 4]),
      };
      if (round > 0) for (const key of Object.keys(rates) as (keyof typeof rates)[]) rates[key].push(seen[key]);
    }
    const one = median(rates.one);
    const limit = 1 / (1 / median(rates.aes) + 1 / median(rates.sha) + 1 / median(rates.write));
    return [
      result('chunk-generation-1-worker', one, 'MiB/s', limit, { least: 0.8 }),
      result('chunk-generation-2-workers', median(rates.two), 'MiB/s', one, { least: 1.6 }),
    ];
  } finally {
    await pool.close();
  }
}

/** An answer from a chunk in the page cache, against reading and hashing it one after the other and nothing else. */
export async function contractChallenge(folder: string): Promise<Result[]> {
  const path = join(folder, 'written');
  writeOnly(path);
  const rates = { read: [] as number[], sha: [] as number[], prove: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const seen = {
      read: rate(1, () => readOnly(path)),
      sha: rate(1, hashOnly),
      prove: rate(1, () => proveFile(path, '0.012381234')),
    };
    if (round > 0) for (const key of Object.keys(rates) as (keyof typeof rates)[]) rates[key].push(seen[key]);
  }
  rmSync(path);
  const prove = median(rates.prove);
  return [
    result('contract-challenge', prove, 'MiB/s', 1 / (1 / median(rates.read) + 1 / median(rates.sha)), { least: 0.95 }),
    result('contract-challenge-vs-sha256', prove, 'MiB/s', median(rates.sha)),
  ];
}

/** Each entry of `counts` is a row of chunks made one after the other; the rows run at the same time. */
async function generate(
  pool: WorkerPool,
  genesis: Genesis,
  folder: string,
  counts: readonly number[],
): Promise<number> {
  const start = performance.now();
  await Promise.all(
    counts.map(async (count, row) => {
      for (let n = 0; n < count; n++) {
        const path = join(folder, `chunk-${row}-${n}`);
        await pool.run({
          kind: 'chunk',
          path,
          genesisPath: genesis.path,
          genesisSha256: genesis.sha256,
          secret: `${row}-${n}`,
        });
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  for (const [row, count] of counts.entries())
    for (let n = 0; n < count; n++) rmSync(join(folder, `chunk-${row}-${n}`));
  return (counts.reduce((sum, count) => sum + count, 0) * CHUNK_MIB) / seconds;
}

const block = Buffer.alloc(BLOCK_BYTES, 7);

function encryptOnly(): void {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16, 1));
  for (let n = 0; n < BLOCKS; n++) cipher.update(block);
}

function hashOnly(): void {
  const hash = createHash('sha256');
  for (let n = 0; n < BLOCKS; n++) hash.update(block);
  hash.digest();
}

function writeOnly(path: string): void {
  const file = openSync(path, 'wx');
  for (let n = 0; n < BLOCKS; n++) writeSync(file, block);
  closeSync(file);
}

function readOnly(path: string): void {
  const file = openSync(path, 'r');
  while (readSync(file, block, 0, BLOCK_BYTES, null) > 0);
  closeSync(file);
}

function rate(chunks: number, work: () => unknown): number {
  const start = performance.now();
  work();
  return (chunks * CHUNK_MIB) / ((performance.now() - start) / 1000);
}
