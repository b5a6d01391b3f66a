import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createSwizzleHeartbeat, type RandomAccessFile, swizzle } from '@downstream/heartbeat';
import { writeSeededChunk } from '../../farmer/src/chunks/chunk-io.ts';
import { createResult, type Result } from './result.ts';
import { interleave, maximum } from './rounds.ts';

const ROUNDS = 15;
const CHUNK_BYTES = 2 ** 20;
const MAX_PROVE_MS = 60;

/**
 * Swizzle with its default parameters over all of a chunk of 1 MiB in the page cache. Encoding and verifying are
 * compared with their multiplications alone: one for each sector or chunk.
 */
export async function measureSwizzle(folder: string): Promise<Result[]> {
  const path = join(folder, 'chunk');
  writeSeededChunk(path, 'bench', CHUNK_BYTES);
  const descriptor = openSync(path, 'r');
  const file: RandomAccessFile = {
    size: CHUNK_BYTES,
    read: (buffer, position) => readSync(descriptor, buffer, 0, buffer.length, position),
  };
  const heartbeat = createSwizzleHeartbeat(randomBytes);
  const { tag, state } = swizzle.encode(heartbeat, file, { random: randomBytes });
  const { challenge } = swizzle.genChallenge(heartbeat, state, randomBytes);
  const proof = swizzle.prove(heartbeat, file, challenge, tag);
  const chunks = tag.sigma.length;
  const perSecond = await interleave(ROUNDS, maximum, {
    sectorProducts: () => measurePerSecond(() => multiply(tag.sigma, heartbeat.sectors)),
    encode: () => measurePerSecond(() => swizzle.encode(heartbeat, file, { random: randomBytes })),
    prove: () => measurePerSecond(() => swizzle.prove(heartbeat, file, challenge, tag)),
    chunkProducts: () => measurePerSecond(() => multiply(tag.sigma, 1)),
    verify: () =>
      measurePerSecond(() => {
        if (!swizzle.verify(heartbeat, proof, challenge, state)) throw new Error('the proof is wrong');
      }),
  });
  closeSync(descriptor);
  console.error(`  swizzle: ${chunks} chunks of ${heartbeat.sectors} sectors`);
  return [
    createResult('swizzle-prove', 1000 / perSecond.prove, 'ms', MAX_PROVE_MS, { max: 1 }),
    createResult('swizzle-encode', 1000 / perSecond.encode, 'ms', 1000 / perSecond.sectorProducts),
    createResult('swizzle-verify', 1000 / perSecond.verify, 'ms', 1000 / perSecond.chunkProducts),
  ];
}

/** Sums up products of numbers as long as the prime. */
function multiply(numbers: readonly bigint[], times: number): bigint {
  const [factor = 0n] = numbers;
  let sum = 0n;
  for (let time = 0; time < times; time++) for (const number of numbers) sum += factor * number;
  return sum;
}

function measurePerSecond(work: () => unknown): number {
  const start = performance.now();
  work();
  return 1000 / (performance.now() - start);
}
