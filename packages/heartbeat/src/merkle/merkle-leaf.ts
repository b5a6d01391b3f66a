import { createHmac } from 'node:crypto';
import { evaluateKeyedPrf } from '../keyed-prf.ts';
import { type RandomAccessFile, readBlocks } from '../random-access-file.ts';

/** The seed of the next challenge: HMAC-SHA256 of the last seed. */
export function getNextSeed(key: Uint8Array, seed: Uint8Array): Buffer {
  return createHmac('sha256', key).update(seed).digest();
}

/**
 * The blob of a leaf: HMAC-SHA256 of the bytes that a challenge covers. Reads only those.
 *
 * @param seed 32 bytes, from which the position follows
 * @throws HeartbeatError `file_too_short`
 */
export function computeLeafBlob(
  file: RandomAccessFile,
  seed: Uint8Array,
  { fileSize, chunkSize }: { fileSize: number; chunkSize: number },
): Buffer {
  const length = Math.min(chunkSize, fileSize);
  const start = Number(evaluateKeyedPrf(seed, BigInt(fileSize - length + 1), 0));
  const hmac = createHmac('sha256', seed);
  readBlocks(file, { start, length }, (block) => hmac.update(block));
  return hmac.digest();
}
