import { createHash, type Hash } from 'node:crypto';

/**
 * The running SHA-256 over one chunk, from which both the chunk's own hash and the response to any challenge follow
 * without reading the chunk again. A response is SHA-256(chunk ‖ challenge), so a copy of the state taken before the
 * challenge is appended is the chunk's digest: a prover compares it with the contract's hash, and so never sends
 * the answer of a chunk that went bad.
 *
 * Known weakness of the scheme: the challenge is a suffix, so whoever keeps this state could answer without
 * the chunk. A node may keep it, that is how it verifies in microseconds; a farmer reads its chunk for every answer.
 */
export class ChunkDigest {
  readonly #hash: Hash = createHash('sha256');

  /** Takes the chunk's next bytes. */
  update(block: Uint8Array): this {
    this.#hash.update(block);
    return this;
  }

  /** Lowercase hex SHA-256 of the bytes so far. */
  chunkHash(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Lowercase hex SHA-256 over the bytes so far followed by the challenge's UTF-8 bytes, exactly as it was received. */
  response(challenge: string): string {
    return this.#hash.copy().update(challenge, 'utf8').digest('hex');
  }
}

/** An answer to a contract challenge, with the means to tell whether the chunk it was made from is sound. */
export interface ContractProof {
  /** What the node is sent: 64 hex characters. */
  readonly response: string;
  /** What the chunk's bytes hash to: equal to the contract's `file_hash` unless the chunk is corrupt. */
  readonly chunkHash: string;
}

/**
 * Answers a contract challenge from the chunk's bytes.
 *
 * @param blocks the chunk in order, in pieces of any size; memory does not grow with it
 */
export function proveContract(blocks: Iterable<Uint8Array>, challenge: string): ContractProof {
  const digest = new ChunkDigest();
  for (const block of blocks) digest.update(block);
  return { response: digest.response(challenge), chunkHash: digest.chunkHash() };
}
