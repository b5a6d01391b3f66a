import { type Cipheriv, createCipheriv } from 'node:crypto';

/** A 128-bit big-endian counter. It starts at 1 instead of 0 for compatibility with the original library. */
const INITIAL_COUNTER = Buffer.from('00000000000000000000000000000001', 'hex');

/** Large enough for AES and SHA-256 to run at full speed, small enough for the processor's cache. */
export const BLOCK_BYTES = 512 * 1024;

const CIPHER_BLOCK_BYTES = 16;

/**
 * An AES-256-CTR stream. `update` XORs data with the next bytes of the keystream.
 *
 * @param key 32 bytes
 * @param position of the first byte in the keystream
 */
export function createKeystream(key: Uint8Array, position = 0): Pick<Cipheriv, 'update'> {
  const counter = Buffer.from(INITIAL_COUNTER);
  // No file is long enough for a carry beyond 64 bits.
  counter.writeBigUInt64BE(1n + BigInt(Math.floor(position / CIPHER_BLOCK_BYTES)), 8);
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  const skipped = position % CIPHER_BLOCK_BYTES;
  if (skipped > 0) cipher.update(Buffer.alloc(skipped));
  return cipher;
}
