import { createHash } from 'node:crypto';
import { BLOCK_BYTES, createKeystream } from './keystream.ts';

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * `randomio(seed, size)`, block by block: the first `size` bytes of the AES-256-CTR keystream under
 * SHA-256(UTF-8(seed)). The same seed gives the same bytes everywhere (Storj's RandomIO).
 *
 * @param seed any text
 * @param size bytes to give in all; a non-negative safe integer, else RangeError
 * @yields blocks of at most {@link BLOCK_BYTES} bytes; memory does not grow with `size`
 */
export function* randomio(seed: string, size: number): Generator<Buffer, void, undefined> {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`size must be a non-negative integer of bytes, not ${size}`);
  }
  const keystream = createKeystream(createHash('sha256').update(seed, 'utf8').digest());
  for (let left = size; left > 0; left -= BLOCK_BYTES) {
    yield keystream.update(left >= BLOCK_BYTES ? ZEROS : ZEROS.subarray(0, left));
  }
}
