import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { BLOCK_BYTES, deriveConvergentKey, encrypt, randomio } from '@downstream/file-encryptor';
import { type ContractProof, proveContract } from '@downstream/heartbeat';
import { CodedError, getErrorCode } from '@downstream/platform';
import { classifyDiskError } from './disk-errors.ts';

/**
 * The heavy work on chunks, as plain blocking functions: it runs in worker threads, where blocking is the fastest way.
 * Every file is read and written in blocks, so memory does not grow with a chunk. Files are created for their
 * owner alone.
 */

export const OWNER_ONLY = 0o600;
/** In place of a file system's code: the genesis file can't be read, or is not what it was. */
export const GENESIS_UNREADABLE = 'genesis';

/**
 * What every file is read into. One a thread, since a new one for each file costs more than proving a small chunk does; the
 * functions here block, so no two files are ever read at the same time.
 */
const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);

/** A file's bytes in blocks. The same buffer is used for each: a block is good until the next one is asked for. */
function* fileBlocks(path: string): Generator<Buffer, void, undefined> {
  // What is no plain file (a pipe, say) must not hold this thread up.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new CodedError('ENOTFILE', 'not a plain file');
    for (;;) {
      const length = readSync(file, buffer, 0, BLOCK_BYTES, null);
      if (length === 0) return;
      yield length === BLOCK_BYTES ? buffer : buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

/** Lowercase hex SHA-256 of a file. */
export function hashFile(path: string): string {
  const hash = createHash('sha256');
  for (const block of fileBlocks(path)) hash.update(block);
  return hash.digest('hex');
}

/** Writes `randomio(seed, size)` to a new file and returns its hash. */
export function writeRandomio(path: string, seed: string, size: number): string {
  return writeFile(path, randomio(seed, size));
}

/**
 * Writes the chunk that a secret makes of the genesis file to a new file, and returns its hash.
 *
 * @param genesisSha256 the genesis file's hash, pinned and checked when it was opened: the key follows from it
 */
export function writeChunk(path: string, genesisPath: string, genesisSha256: string, secret: string): string {
  return writeFile(path, encrypt(deriveConvergentKey(genesisSha256, secret), genesisBlocks(genesisPath)));
}

/** What is wrong with the genesis file is told apart from what is wrong with the disk that the chunk goes to. */
function* genesisBlocks(path: string): Generator<Buffer, void, undefined> {
  try {
    yield* fileBlocks(path);
  } catch (error) {
    if (classifyDiskError(getErrorCode(error) ?? '') === 'exhausted') throw error;
    throw new CodedError(GENESIS_UNREADABLE, "the genesis file can't be read");
  }
}

/** Answers a challenge from the chunk's bytes, read from disk. */
export function proveFile(path: string, challenge: string): ContractProof {
  return proveContract(fileBlocks(path), challenge);
}

function writeFile(path: string, blocks: Iterable<Buffer>): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'wx', OWNER_ONLY);
  try {
    let written: Buffer | undefined;
    for (const block of blocks) {
      if (written) free(written);
      hash.update(block);
      for (let done = 0; done < block.length; ) done += writeSync(file, block, done);
      written = block;
    }
    if (written) free(written);
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/**
 * Gives a block's memory back at once. Each block is new, and a thread's garbage collector lets tens of megabytes of them
 * pile up before it looks; this way the next block but one takes the same memory, still in the cache. Not the next one:
 * with no block in use the allocator gives the memory back to the system, which costs a fifth of the speed.
 */
function free({ buffer: memory }: Buffer): void {
  if (memory instanceof ArrayBuffer) memory.transfer(0);
}
