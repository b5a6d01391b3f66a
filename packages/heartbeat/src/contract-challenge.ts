import { createHash, type Hash } from 'node:crypto';

/**
 * The running SHA-256 of a chunk. A response is SHA-256(chunk ‖ challenge), so one pass over the chunk yields both the
 * response and the chunk's own hash. A prover compares the latter with the contract's hash and never sends the response
 * of a corrupt chunk.
 *
 * Weakness of the scheme: the challenge is a suffix, so this state is enough to respond without the chunk. A node keeps
 * the state to verify in microseconds; a farmer reads its chunk for every response.
 */
export class ChunkDigest {
  readonly #hash: Hash = createHash('sha256');

  /** Appends bytes of the chunk. */
  update(block: Uint8Array): this {
    this.#hash.update(block);
    return this;
  }

  /** Lowercase hex SHA-256 of the bytes so far. */
  chunkHash(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Lowercase hex SHA-256 of the bytes so far and the UTF-8 bytes of the challenge. */
  response(challenge: string): string {
    return this.#hash.copy().update(challenge, 'utf8').digest('hex');
  }
}

export interface ContractProof {
  /** 64 hex characters. */
  readonly response: string;
  /** Equals the contract's `file_hash` unless the chunk is corrupt. */
  readonly chunkHash: string;
}

/** @param blocks the chunk, in blocks of any size */
export function proveContract(blocks: Iterable<Uint8Array>, challenge: string): ContractProof {
  const digest = new ChunkDigest();
  for (const block of blocks) digest.update(block);
  return { response: digest.response(challenge), chunkHash: digest.chunkHash() };
}
