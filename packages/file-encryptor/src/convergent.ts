import { createHash, createHmac } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BLOCK_BYTES, createKeystream } from './keystream.ts';

/** The passphrase of the original library, used where none is given. */
export const DEFAULT_PASSPHRASE = 'Something old, something new.';

/**
 * The key that a file's own content and a passphrase lead to: HMAC-SHA256 over the hex SHA-256 of the plaintext.
 *
 * @param plaintextSha256 lowercase hex, 64 characters
 * @returns 32 bytes
 */
export function deriveConvergentKey(plaintextSha256: string, passphrase: string = DEFAULT_PASSPHRASE): Buffer {
  return createHmac('sha256', passphrase).update(plaintextSha256, 'ascii').digest();
}

/**
 * Encrypts a file's blocks under {@link deriveConvergentKey}. Decryption is the same operation with the same key.
 *
 * @param blocks the plaintext in order, in pieces of any size
 * @yields one block of ciphertext for each block of plaintext; memory does not grow with the file
 */
export function* encrypt(key: Uint8Array, blocks: Iterable<Uint8Array>): Generator<Buffer, void, undefined> {
  const keystream = createKeystream(key);
  for (const block of blocks) yield keystream.update(block);
}

/**
 * Replaces a file by its ciphertext, without a second copy on disk or in memory.
 * A run that is cut off leaves the file half encrypted: work on a copy where that matters.
 *
 * @returns the 32-byte key, which {@link decryptInline} needs: it can't be had from the ciphertext
 * @throws the file system's own errors
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
 * Turns a file encrypted by {@link encryptInline} back into its plaintext, in place.
 *
 * @param key the 32 bytes that encryption returned; another key gives noise, not an error
 * @throws the file system's own errors
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
