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
  const keystream = createKeystream(createHash('sha256').update(seed, 'utf8').digest());
  for (let left = size; left > 0; left -= BLOCK_BYTES) {
    yield keystream.update(left >= BLOCK_BYTES ? ZEROS : ZEROS.subarray(0, left));
  }
}
