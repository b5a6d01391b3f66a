import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { BLOCK_BYTES } from '@downstream/file-encryptor';

/**
 * What the machine can do: each step of the work on a chunk alone, with the libraries and the block size that the farmer
 * uses and nothing else. Rates are MiB/s over one chunk of 32 MiB.
 */

export const CHUNK_MIB = 32;
const BLOCKS = (CHUNK_MIB * 2 ** 20) / BLOCK_BYTES;
const block = Buffer.alloc(BLOCK_BYTES, 7);

export function aesRate(): number {
  return rate(() => {
    const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16, 1));
    // Outputs are given back one later, as the farmer does: any other way AES looks slower than it is.
    let last: Buffer | undefined;
    for (let n = 0; n < BLOCKS; n++) {
      const next = cipher.update(block);
      if (last?.buffer instanceof ArrayBuffer) last.buffer.transfer(0);
      last = next;
    }
  });
}

export function shaRate(): number {
  return rate(() => {
    const hash = createHash('sha256');
    for (let n = 0; n < BLOCKS; n++) hash.update(block);
    hash.digest();
  });
}

/** A new file at `path`, deleted afterwards; `flush` has its bytes on the disk when the time is taken. */
export function writeRate(path: string, { flush }: { flush: boolean }): number {
  const written = rate(() => {
    const file = openSync(path, 'wx');
    for (let n = 0; n < BLOCKS; n++) writeSync(file, block);
    if (flush) fsyncSync(file);
    closeSync(file);
  });
  rmSync(path);
  return written;
}

/** A file of one chunk from the page cache, into one buffer that is used again and again. */
export function readRate(path: string): number {
  return rate(() => {
    const file = openSync(path, 'r');
    while (readSync(file, block, 0, BLOCK_BYTES, null) > 0);
    closeSync(file);
  });
}

/** The rate of steps done one after the other. */
export function sequentialRate(...rates: readonly number[]): number {
  return 1 / rates.reduce((sum, each) => sum + 1 / each, 0);
}

/** MiB/s of work on one chunk. */
export function rate(work: () => unknown): number {
  const start = performance.now();
  work();
  return CHUNK_MIB / ((performance.now() - start) / 1000);
}
