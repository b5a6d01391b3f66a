import { setImmediate } from 'node:timers/promises';
import { deriveConvergentKey, encrypt } from '@downstream/file-encryptor';
import { ChunkDigest } from '@downstream/heartbeat';
import type { Chunk, Verifier } from '../ledger/contract.ts';
import type { Genesis } from './genesis.ts';

/** The number of blocks to process before yielding to the event loop. */
const BLOCKS_PER_TURN = 4;

/**
 * Generates chunks to compute their hash and to verify answers. It keeps only the running SHA-256 of a chunk. It
 * generates one chunk at a time, in small steps, so that the node stays responsive.
 */
export class ChunkFactory {
  readonly #genesis: Genesis;
  #last: Promise<unknown> = Promise.resolve();
  readonly #verifiers = new Map<string, Promise<Verifier>>();

  constructor(genesis: Genesis) {
    this.#genesis = genesis;
  }

  async generate(secret: string): Promise<Chunk> {
    const next = this.#last.then(() => this.#digest(secret));
    this.#last = next.catch(() => {});
    return await next;
  }

  /** Creates the verifier of a secret's chunk. Concurrent calls for the same secret share the work. */
  async createVerifier(secret: string): Promise<Verifier> {
    const pending = this.#verifiers.get(secret);
    if (pending !== undefined) return await pending;
    const created = this.generate(secret).then(({ verifier }) => verifier);
    this.#verifiers.set(secret, created);
    try {
      return await created;
    } finally {
      this.#verifiers.delete(secret);
    }
  }

  readBlocks(secret: string): Iterable<Buffer> {
    return encrypt(deriveConvergentKey(this.#genesis.sha256, secret), this.#genesis.readBlocks());
  }

  async #digest(secret: string): Promise<Chunk> {
    const digest = new ChunkDigest();
    let [blocks, sizeBytes] = [0, 0];
    for (const block of this.readBlocks(secret)) {
      digest.update(block);
      blocks += 1;
      sizeBytes += block.length;
      if (blocks % BLOCKS_PER_TURN === 0) await setImmediate();
    }
    return { fileHash: digest.chunkHash(), sizeBytes, secret, verifier: digest };
  }
}
