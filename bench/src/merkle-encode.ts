import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { randomio } from '@downstream/file-encryptor';
import { createMerkleHeartbeat, fileFromBytes, merkle } from '@downstream/heartbeat';
import { CHUNK_MIB } from './limits.ts';
import { reportOtherLoad } from './other-load.ts';
import { createResult, type Result } from './result.ts';
import { interleave, maximum } from './rounds.ts';

const ROUNDS = 15;
const CHALLENGES = 256;
const CHUNK_BYTES = CHUNK_MIB * 2 ** 20;
const CHECK_FRACTION = 0.01;
const CHECKED_BYTES = Math.trunc(CHECK_FRACTION * CHUNK_BYTES);

/** Encoding a chunk in memory for 256 challenges, compared with their HMACs alone, and with two threads. */
export async function measureMerkleEncode(): Promise<Result[]> {
  const chunk = Buffer.concat([...randomio('bench', CHUNK_BYTES)]);
  const heartbeat = createMerkleHeartbeat(randomBytes, CHECK_FRACTION);
  const workers = [1, 2].map(() => new Worker(new URL('./merkle-encode-worker.ts', import.meta.url)));
  try {
    const rates = await reportOtherLoad(
      async () =>
        await interleave(ROUNDS, maximum, {
          hmacs: async () => await measureRate(1, () => computeHmacs(chunk)),
          encode: async () =>
            await measureRate(1, () =>
              merkle.encode(heartbeat, fileFromBytes(chunk), { random: randomBytes, timestamp: 1 }),
            ),
          one: async () => await measureRate(1, async () => await encodeIn(workers.slice(1))),
          two: async () => await measureRate(2, async () => await encodeIn(workers)),
        }),
    );
    return [
      createResult('merkle-encode', rates.encode, 'chunks/s', rates.hmacs, { min: 0.85 }),
      createResult('merkle-encode-2-workers', rates.two, 'chunks/s', rates.one, { min: 1.7 }),
    ];
  } finally {
    for (const worker of workers) await worker.terminate();
  }
}

/** The HMACs of as many bytes at random positions. */
function computeHmacs(chunk: Buffer): void {
  for (let index = 0; index < CHALLENGES; index++) {
    const key = randomBytes(32);
    const start = key.readUInt32LE() % (CHUNK_BYTES - CHECKED_BYTES);
    createHmac('sha256', key)
      .update(chunk.subarray(start, start + CHECKED_BYTES))
      .digest();
  }
}

async function encodeIn(workers: readonly Worker[]): Promise<void> {
  await Promise.all(
    workers.map(async (worker) => {
      worker.postMessage('encode');
      await once(worker, 'message');
    }),
  );
}

/** @returns chunks per second */
async function measureRate(chunks: number, work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (1000 * chunks) / (performance.now() - start);
}
