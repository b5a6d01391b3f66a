import { createHash, createHmac } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BLOCK_BYTES, createKeystream } from './keystream.ts';

/** The default passphrase of the original library. */
export const DEFAULT_PASSPHRASE = 'Something old, something new.';

/**
 * Derives a key from a file's content and a passphrase: HMAC-SHA256 of the plaintext's hex SHA-256.
 *
 * @param plaintextSha256 lowercase hex, 64 characters
 * @returns 32 bytes
 */
export function deriveConvergentKey(plaintextSha256: string, passphrase: string = DEFAULT_PASSPHRASE): Buffer {
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

/**
 * Encrypts a file in place. An interrupted call leaves the file partly encrypted.
 *
 * @returns the 32-byte key for {@link decryptInline}; it cannot be derived from the ciphertext
 * @throws errors of the file system
 */
export async function encryptInline(path: string, passphrase: string = DEFAULT_PASSPHRASE): Promise<Buffer> {
  await using file = await open(path, 'r+');
  const hash = createHash('sha256');
  for await (const { bytes } of readBlocks(file)) hash.update(bytes);
  const key = deriveConvergentKey(hash.digest('hex'), passphrase);
  await rewrite(file, key);
  return key;
}

/**
 * Decrypts a file in place. A wrong key is not detected.
 *
 * @throws errors of the file system
 */
export async function decryptInline(path: string, key: Uint8Array): Promise<void> {
  await using file = await open(path, 'r+');
  await rewrite(file, key);
}

async function rewrite(file: FileHandle, key: Uint8Array): Promise<void> {
  const keystream = createKeystream(key);
  for await (const { bytes, position } of readBlocks(file)) {
    const output = keystream.update(bytes);
    for (let done = 0; done < output.length; ) {
      done += (await file.write(output, done, output.length - done, position + done)).bytesWritten;
    }
  }
}

async function* readBlocks(file: FileHandle): AsyncGenerator<{ bytes: Buffer; position: number }> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, BLOCK_BYTES, position);
    if (bytesRead === 0) return;
    yield { bytes: buffer.subarray(0, bytesRead), position };
    position += bytesRead;
  }
}
