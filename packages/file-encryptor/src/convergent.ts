import { createHmac } from 'node:crypto';
import { createKeystream } from './keystream.ts';

/**
 * Derives a key from a file's content and a passphrase: HMAC-SHA256 of the plaintext's hex SHA-256.
 *
 * @param plaintextSha256 lowercase hex, 64 characters
 * @returns 32 bytes
 */
export function deriveConvergentKey(plaintextSha256: string, passphrase: string): Buffer {
  return createHmac('sha256', passphrase).update(plaintextSha256, 'ascii').digest();
}

/**
 * Encrypts or decrypts blocks of any size.
 *
 * @param key from {@link deriveConvergentKey}
 * @yields one block for each block of input
 */
export function* encrypt(key: Uint8Array, blocks: Iterable<Uint8Array>): Generator<Buffer, void, undefined> {
  const keystream = createKeystream(key);
  for (const block of blocks) yield keystream.update(block);
}
