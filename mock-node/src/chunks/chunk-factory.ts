import { setImmediate } from 'node:timers/promises';
import { deriveConvergentKey, encrypt } from '@downstream/file-encryptor';
import { ChunkDigest } from '@downstream/heartbeat';
import type { Chunk, Verifier } from '../ledger/ledger.ts';
import type { Genesis } from './genesis.ts';

/** So many blocks are worked through between two looks at the network. */
const BLOCKS_PER_TURN = 4;

/**
 * Makes chunks to know their hash and to verify answers on them, keeping nothing of a chunk but its running SHA-256.
 * One at a time, in small turns, so that the node goes on answering meanwhile.
 */
export class ChunkFactory {
  readonly #genesis: Genesis;
  #last: Promise<unknown> = Promise.resolve();
  /** Those that are being made, by secret. */
  readonly #verifiers = new Map<string, Promise<Verifier>>();

  constructor(genesis: Genesis) {
    this.#genesis = genesis;
  }

  async mint(secret: string): Promise<Chunk> {
    const next = this.#last.then(() => this.#make(secret));
    this.#last = next.catch(() => {});
    return await next;
  }

  /** What verifies answers on a secret's chunk: made once, however many ask for it meanwhile. */
  async createVerifier(secret: string): Promise<Verifier> {
    const underWay = this.#verifiers.get(secret);
    if (underWay !== undefined) return await underWay;
    const made = this.mint(secret).then(({ verifier }) => verifier);
    this.#verifiers.set(secret, made);
    try {
      return await made;
    } finally {
      this.#verifiers.delete(secret);
    }
  }

  /** The bytes of a secret's chunk. */
  bytes(secret: string): Iterable<Buffer> {
    return encrypt(deriveConvergentKey(this.#genesis.sha256, secret), this.#genesis.blocks());
  }

  async #make(secret: string): Promise<Chunk> {
    const digest = new ChunkDigest();
    let blocks = 0;
    for (const block of this.bytes(secret)) {
      digest.update(block);
      blocks += 1;
      if (blocks % BLOCKS_PER_TURN === 0) await setImmediate();
    }
    return { fileHash: digest.chunkHash(), secret, verifier: digest };
  }
}
