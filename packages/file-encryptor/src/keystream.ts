import { type Cipheriv, createCipheriv } from 'node:crypto';

/** A 128-bit big-endian counter that starts at one, not zero: what makes these streams compatible with the originals. */
const INITIAL_COUNTER = Buffer.from('00000000000000000000000000000001', 'hex');

/** Bytes handled at a time: large enough to keep AES and SHA-256 at full speed, small enough to stay in the cache. */
export const BLOCK_BYTES = 512 * 1024;

/**
 * The AES-256-CTR stream that every computation of this package is made of. `update` with zeros gives the bare
 * keystream, with data the encrypted (or decrypted) data; calls go on where the last one ended.
 *
 * @param key 32 bytes
 */
export function createKeystream(key: Uint8Array): Pick<Cipheriv, 'update'> {
  return createCipheriv('aes-256-ctr', key, INITIAL_COUNTER);
}
