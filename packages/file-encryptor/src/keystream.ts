import { type Cipheriv, createCipheriv } from 'node:crypto';

/** A 128-bit big-endian counter. It starts at 1 instead of 0 for compatibility with the original library. */
const INITIAL_COUNTER = Buffer.from('00000000000000000000000000000001', 'hex');

/** Large enough for AES and SHA-256 to run at full speed, small enough for the processor's cache. */
export const BLOCK_BYTES = 512 * 1024;

/**
 * An AES-256-CTR stream. `update` XORs data with the next bytes of the keystream.
 *
 * @param key 32 bytes
 */
export function createKeystream(key: Uint8Array): Pick<Cipheriv, 'update'> {
  return createCipheriv('aes-256-ctr', key, INITIAL_COUNTER);
}
