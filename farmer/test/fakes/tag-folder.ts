import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomio } from '@downstream/file-encryptor';
import {
  createMerkleHeartbeat,
  createSwizzleHeartbeat,
  type EncodeOptions,
  fileFromBytes,
  merkle,
  type ProofScheme,
  type SchemeTypes,
  swizzle,
} from '@downstream/heartbeat';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import { WorkerPool } from '../../src/chunks/worker-pool.ts';
import type { ReceivedTag } from '../../src/farming/ports.ts';
import type { TaggedProofOutcome, TaggedProofRequest } from '../../src/tags/tag-prover.ts';
import type { TagReport } from '../../src/tags/tag-recovery.ts';
import { TagStore } from '../../src/tags/tag-store.ts';
import { makeId } from './builders.ts';

export const CHUNK_BYTES = 5_000;
let draws = 0;
const random = (size: number) => Buffer.concat([...randomio(`random ${draws++}`, size)]);
const readSeed = (seed: string) => Buffer.concat([...randomio(seed, CHUNK_BYTES)]);

/** A chunk of a node, as the node offers it, with its challenges. */
export interface OfferedChunk {
  readonly id: string;
  readonly seed: string;
  readonly received: ReceivedTag;
  /** The next challenge, as JSON. */
  challenge(): string;
  /** Whether the node accepts a response to the last challenge. */
  accepts(response: string): boolean;
}

const merkleHeartbeat = createMerkleHeartbeat(random, 0.5);
const swizzleHeartbeat = createSwizzleHeartbeat(random, { primeBits: 256 });

export const offerMerkle = (n: number, challenges = 20, heartbeat = merkleHeartbeat): OfferedChunk =>
  offer('Merkle', merkle, heartbeat, { n, challenges });
export const offerSwizzle = (n: number, checkFraction = 1): OfferedChunk =>
  offer('Swizzle', swizzle, { ...swizzleHeartbeat, checkFraction }, { n });

function offer<T extends SchemeTypes>(
  scheme: 'Merkle' | 'Swizzle',
  { encode, genChallenge, ...functions }: ProofScheme<T>,
  heartbeat: T['heartbeat'],
  { n, ...options }: { n: number; challenges?: number },
): OfferedChunk {
  const seed = `seed ${n}`;
  const encodeOptions: EncodeOptions = { random, timestamp: 1, ...options };
  let { tag, state } = encode(heartbeat, fileFromBytes(readSeed(seed)), encodeOptions);
  let challenge: T['challenge'] | undefined;
  return {
    id: makeId(n),
    seed,
    received: {
      scheme,
      heartbeat: functions.heartbeat.toJSON(functions.getPublic(heartbeat)),
      tag: functions.tag.toJSON(tag),
    },
    challenge() {
      const next = genChallenge(heartbeat, state, random);
      if (next === undefined) throw new Error('no more challenges');
      ({ challenge, state } = next);
      return JSON.stringify(functions.challenge.toJSON(challenge));
    },
    accepts: (response) =>
      functions.verify(heartbeat, functions.proof.fromJSON(JSON.parse(response)), challenge, state),
  };
}

/** A temporary data directory with chunks and tags, and a worker pool. */
export class TagFolder {
  path = '';
  readonly pool = new WorkerPool({ workers: 2 });

  constructor() {
    afterAll(async () => await this.pool.close());
    beforeEach(() => {
      this.path = mkdtempSync(join(tmpdir(), 'tags-'));
    });
    afterEach(() => rmSync(this.path, { recursive: true, force: true }));
  }

  join(name: string): string {
    return join(this.path, name);
  }

  /** Opens the tags, and closes them afterwards. */
  async use<T>(work: (store: TagStore) => Promise<T>): Promise<T> {
    const store = new TagStore({ folder: this.path }, this);
    try {
      return await work(store);
    } finally {
      store.close();
    }
  }

  async recover(known: ReadonlySet<string>): Promise<TagReport> {
    return await this.use(async (store) => await store.recover(known));
  }

  /** Saves the tags and writes the chunks. */
  async fill(...chunks: readonly OfferedChunk[]): Promise<void> {
    await this.save(...chunks);
    for (const { id, seed } of chunks) writeFileSync(this.join(id), readSeed(seed));
  }

  async save(...chunks: readonly OfferedChunk[]): Promise<unknown> {
    const tags = chunks.map(({ id, received }) => ({ id, sizeBytes: CHUNK_BYTES, received }));
    return await this.use(async (store) => await store.save(tags));
  }

  request({ id, seed }: OfferedChunk, challenge: string): TaggedProofRequest {
    return { contractId: id, path: this.join(id), seed, sizeBytes: CHUNK_BYTES, challenge };
  }

  async prove(...requests: readonly TaggedProofRequest[]): Promise<readonly TaggedProofOutcome[]> {
    return (await this.pool.run({ kind: 'prove_tagged', folder: this.path, requests })).value;
  }

  /** Proves the next challenge of a chunk. @returns whether the node accepts the response, or the error */
  async answer(chunk: OfferedChunk): Promise<boolean | string> {
    const [outcome] = await this.prove(this.request(chunk, chunk.challenge()));
    if (outcome === undefined) throw new Error('no outcome');
    return 'error' in outcome ? outcome.error : chunk.accepts(outcome.response);
  }

  /** The contracts whose tag a file has. */
  list(name: string): string[] {
    using db = new DatabaseSync(this.join(name));
    return db
      .prepare('SELECT contract_id FROM tag ORDER BY contract_id')
      .all()
      .map((row) => String(row['contract_id']));
  }

  edit(name: string, sql: string): void {
    using db = new DatabaseSync(this.join(name));
    db.exec(sql);
  }
}
