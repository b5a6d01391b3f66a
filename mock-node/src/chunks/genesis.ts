import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BLOCK_BYTES, randomio } from '@downstream/file-encryptor';
import { CodedError, getErrorCode } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';

/** The file that every chunk is made from: its hash, and its bytes as often as they are wanted. */
export interface Genesis {
  readonly sha256: string;
  blocks(): Iterable<Buffer>;
}

/** There is no sound genesis file. */
class GenesisError extends CodedError<'unreadable' | 'wrong_hash'> {}

/** The standard genesis file is computed anew each time: it needs no disk and no memory. */
export const standardGenesis: Genesis = {
  sha256: STANDARD_GENESIS.sha256,
  blocks: () => randomio(STANDARD_GENESIS.seed, STANDARD_GENESIS.sizeBytes),
};

/**
 * A genesis file from disk, checked once.
 *
 * @throws GenesisError
 */
export function loadGenesisFile(path: string, sha256: string): Genesis {
  const genesis = { sha256, blocks: () => fileBlocks(path) };
  const hash = createHash('sha256');
  try {
    for (const block of genesis.blocks()) hash.update(block);
  } catch (error) {
    throw new GenesisError(
      'unreadable',
      `the genesis file ${path} can't be read (${getErrorCode(error) ?? 'unknown'}): check MOCK_GENESIS`,
    );
  }
  const actual = hash.digest('hex');
  if (actual === sha256) return genesis;
  throw new GenesisError(
    'wrong_hash',
    `the genesis file ${path} has the SHA-256 ${actual}, not ${sha256}: check MOCK_GENESIS and MOCK_GENESIS_SHA256`,
  );
}

function* fileBlocks(path: string): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    // A small file gets small buffers: with thousands of chunks they would be most of the work, and holes in the memory.
    const blockBytes = Math.max(1, Math.min(BLOCK_BYTES, fstatSync(file).size));
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
