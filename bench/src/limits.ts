import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { BLOCK_BYTES } from '@downstream/file-encryptor';

/**
 * Measures each step of the work on a chunk separately, with the farmer's libraries and block size. Rates are MiB/s
 * over one chunk of 32 MiB.
 */

export const CHUNK_MIB = 32;
const BLOCKS = (CHUNK_MIB * 2 ** 20) / BLOCK_BYTES;
const block = Buffer.alloc(BLOCK_BYTES, 7);

export function measureAes(): number {
  return measureRate(() => {
    const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16, 1));
    // Frees each output one block later, as the farmer does. Without that, allocation makes AES look slower.
    let last: Buffer | undefined;
    for (let n = 0; n < BLOCKS; n++) {
      const next = cipher.update(block);
      if (last?.buffer instanceof ArrayBuffer) last.buffer.transfer(0);
      last = next;
    }
  });
}

export function measureSha(): number {
  return measureRate(() => {
    const hash = createHash('sha256');
    for (let n = 0; n < BLOCKS; n++) hash.update(block);
    hash.digest();
  });
}

/** Writes a new file at `path` and deletes it. With `flush`, the time includes `fsync`. */
export function measureWrite(path: string, { flush }: { flush: boolean }): number {
  const rate = measureRate(() => {
    const file = openSync(path, 'wx');
    for (let n = 0; n < BLOCKS; n++) writeSync(file, block);
    if (flush) fsyncSync(file);
    closeSync(file);
  });
  rmSync(path);
  return rate;
}

/** Reads a file of one chunk from the page cache. */
export function measureRead(path: string): number {
  return measureRate(() => {
    const file = openSync(path, 'r');
    while (readSync(file, block, 0, BLOCK_BYTES, null) > 0);
    closeSync(file);
  });
}

/** The rate of steps that run one after the other. */
export function combineRates(...rates: readonly number[]): number {
  return 1 / rates.reduce((sum, rate) => sum + 1 / rate, 0);
}

/** The rate of work on one chunk, in MiB/s. */
export function measureRate(work: () => unknown): number {
  const start = performance.now();
  work();
  return CHUNK_MIB / ((performance.now() - start) / 1000);
}
