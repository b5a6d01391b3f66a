import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { BLOCK_BYTES, randomio } from '@downstream/file-encryptor';
import { CodedError, getFileProblem, openRegularFile, openRegularFileSync } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';

/** The genesis file, from which every chunk is generated. */
export interface Genesis {
  readonly sha256: string;
  readBlocks(): Iterable<Buffer>;
}

/** Every chunk is as large, and every answer requires reading one. */
const MAX_BYTES = 1024 ** 3;

class GenesisError extends CodedError<'unreadable' | 'wrong_hash'> {}

/** The standard genesis file. It is computed on each read, so it needs neither disk nor memory. */
export const standardGenesis: Genesis = {
  sha256: STANDARD_GENESIS.sha256,
  readBlocks: () => randomio(STANDARD_GENESIS.seed, STANDARD_GENESIS.sizeBytes),
};

/**
 * Verifies the hash of a genesis file once. Does not block the event loop, so that a disk that hangs delays no signal.
 *
 * @throws GenesisError
 */
export async function loadGenesisFile(path: string, sha256: string): Promise<Genesis> {
  const hash = createHash('sha256');
  try {
    const file = await openRegularFile(path, MAX_BYTES);
    for await (const block of file.createReadStream({ highWaterMark: BLOCK_BYTES })) hash.update(block);
  } catch (error) {
    const problem = getFileProblem(error);
    throw new GenesisError('unreadable', `cannot read the genesis file ${path} (${problem}): check MOCK_GENESIS`);
  }
  const actual = hash.digest('hex');
  if (actual === sha256) return { sha256, readBlocks: () => readFileBlocks(path) };
  throw new GenesisError(
    'wrong_hash',
    `the genesis file ${path} has SHA-256 ${actual}, expected ${sha256}: check MOCK_GENESIS and MOCK_GENESIS_SHA256`,
  );
}

function* readFileBlocks(path: string): Generator<Buffer> {
  const { file, sizeBytes } = openRegularFileSync(path, MAX_BYTES);
  try {
    // With thousands of small chunks, full-size buffers would dominate the run time and fragment the memory.
    const blockBytes = Math.max(1, Math.min(BLOCK_BYTES, sizeBytes));
    for (;;) {
      const buffer = Buffer.allocUnsafe(blockBytes);
      const length = readSync(file, buffer);
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}
