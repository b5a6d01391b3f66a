import { createHash } from 'node:crypto';
import { BLOCK_BYTES, createKeystream } from './keystream.ts';

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * Storj's RandomIO: the first `size` bytes of the AES-256-CTR keystream with the key SHA-256(UTF-8(seed)).
 *
 * @yields blocks of at most {@link BLOCK_BYTES} bytes
 * @throws RangeError if `size` is not a non-negative safe integer
 */
export function* randomio(seed: string, size: number): Generator<Buffer, void, undefined> {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`size must be a non-negative integer (got ${size})`);
  }
  const keystream = createKeystream(deriveKey(seed));
  for (let left = size; left > 0; left -= BLOCK_BYTES) {
    yield keystream.update(left >= BLOCK_BYTES ? ZEROS : ZEROS.subarray(0, left));
  }
}

/**
 * Whether bytes are those of {@link randomio} at a position.
 *
 * @param bytes at most {@link BLOCK_BYTES}
 */
export function isRandomio(seed: string, bytes: Uint8Array, position: number): boolean {
  const difference = createKeystream(deriveKey(seed), position).update(bytes);
  const isEqual = difference.equals(ZEROS.subarray(0, bytes.length));
  // Frees the memory immediately: the garbage collector would let tens of megabytes accumulate.
  if (difference.buffer instanceof ArrayBuffer && difference.length === difference.buffer.byteLength)
    difference.buffer.transfer(0);
  return isEqual;
}

function deriveKey(seed: string): Buffer {
  return createHash('sha256').update(seed, 'utf8').digest();
}
