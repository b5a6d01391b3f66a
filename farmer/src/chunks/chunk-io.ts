import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { BLOCK_BYTES, deriveConvergentKey, encrypt, isRandomio, randomio } from '@downstream/file-encryptor';
import { type ContractProof, proveContract } from '@downstream/heartbeat';
import { CodedError, getErrorCode } from '@downstream/platform/errors';
import { classifyDiskError } from './disk-errors.ts';

/**
 * Hashing, proving and writing of chunks, as blocking functions for worker threads, where blocking I/O is fastest.
 * Files are read and written in blocks, so memory use does not depend on the size of a chunk.
 */

export const OWNER_ONLY = 0o600;
/** Used instead of an error code of the file system if the genesis file is unreadable or damaged. */
export const GENESIS_UNREADABLE = 'genesis';

/**
 * Each thread reads all files into this buffer: allocating one per file costs more than proving a small chunk. The
 * functions block, so a thread never reads two files at the same time.
 */
const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);

/** The blocks of a file. All share one buffer: a block is valid until the next one is requested. */
function* readFileBlocks(path: string): Generator<Buffer, void, undefined> {
  // Opening a pipe, for example, must not block the thread.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new CodedError('ENOTFILE', 'not a regular file');
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
  for (const block of readFileBlocks(path)) hash.update(block);
  return hash.digest('hex');
}

/** Writes `randomio(seed, size)` to a new file and returns its hash. */
export function writeRandomio(path: string, seed: string, size: number): string {
  return writeAndHash(path, randomio(seed, size));
}

/** Writes `randomio(seed, size)` to a new file. Its hash is not computed: there is none to compare it with. */
export function writeSeededChunk(path: string, seed: string, size: number): void {
  writeFile(path, randomio(seed, size));
}

/** Whether the content of a file is `randomio(seed, size)`. */
export function isSeededChunk(path: string, seed: string, size: number): boolean {
  let length = 0;
  for (const block of readFileBlocks(path)) {
    if (length + block.length > size || !isRandomio(seed, block, length)) return false;
    length += block.length;
  }
  return length === size;
}

/**
 * Generates the chunk of a secret from the genesis file, writes it to a new file and returns its hash.
 *
 * @param genesisSha256 the verified hash of the genesis file, from which the key is derived
 */
export function writeChunk(path: string, genesisPath: string, genesisSha256: string, secret: string): string {
  return writeAndHash(path, encrypt(deriveConvergentKey(genesisSha256, secret), readGenesisBlocks(genesisPath)));
}

/** Distinguishes errors of the genesis file from errors of the disk that the chunk is written to. */
function* readGenesisBlocks(path: string): Generator<Buffer, void, undefined> {
  try {
    yield* readFileBlocks(path);
  } catch (error) {
    if (classifyDiskError(getErrorCode(error) ?? '') === 'exhausted') throw error;
    throw new CodedError(GENESIS_UNREADABLE, 'the genesis file is unreadable');
  }
}

export interface DigestRequest {
  readonly path: string;
  readonly challenge: string;
}

/** `code`: of the file system's error. */
export type DigestOutcome = ContractProof | { readonly code: string | undefined };

/** Computes the responses to challenges of the prototype API from chunks on disk. */
export function proveFiles(requests: readonly DigestRequest[]): DigestOutcome[] {
  return requests.map(({ path, challenge }) => {
    try {
      return proveContract(readFileBlocks(path), challenge);
    } catch (error) {
      return { code: getErrorCode(error) };
    }
  });
}

function writeAndHash(path: string, blocks: Iterable<Buffer>): string {
  const hash = createHash('sha256');
  writeFile(path, blocks, (block) => hash.update(block));
  return hash.digest('hex');
}

function writeFile(path: string, blocks: Iterable<Buffer>, use: (block: Buffer) => void = () => {}): void {
  const file = openSync(path, 'wx', OWNER_ONLY);
  try {
    let written: Buffer | undefined;
    for (const block of blocks) {
      if (written) free(written);
      use(block);
      for (let done = 0; done < block.length; ) done += writeSync(file, block, done);
      written = block;
    }
    if (written) free(written);
  } finally {
    closeSync(file);
  }
}

/**
 * Frees a block immediately, because the garbage collector would let tens of megabytes accumulate. Call it while
 * another block is in use: otherwise the allocator returns the memory to the system, which costs a fifth of the
 * throughput.
 */
function free({ buffer: memory }: Buffer): void {
  if (memory instanceof ArrayBuffer) memory.transfer(0);
}
