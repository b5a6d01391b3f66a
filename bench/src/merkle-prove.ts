import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import {
  createMerkleHeartbeat,
  fileFromBytes,
  type MerkleChallenge,
  type MerkleTag,
  merkle,
} from '@downstream/heartbeat';
import { writeSeededChunk } from '../../farmer/src/chunks/chunk-io.ts';
import { proveTagged, type TaggedProofRequest } from '../../farmer/src/tags/tag-prover.ts';
import { performTagTask } from '../../farmer/src/tags/tag-tasks.ts';
import { CHUNK_MIB } from './limits.ts';
import { createResult, type Result } from './result.ts';
import { interleave, maximum } from './rounds.ts';

const ROUNDS = 41;
const PROOFS_PER_ROUND = 50;
const SEED = 'bench';
const CHUNK_BYTES = CHUNK_MIB * 2 ** 20;
const CHECK_FRACTION = 0.01;
const CHECKED_BYTES = Math.trunc(CHECK_FRACTION * CHUNK_BYTES);
const SMALL_BYTES = 8192;
const MAX_SMALL_US = 40;
/** As in a large farm: chunks of 32 KiB, proved in batches with stored tags. */
const FARM_CHUNK_BYTES = 32 * 1024;
const FARM_CONTRACTS = 1000;
const BATCH = 50;
/** The processor time that a challenge may cost, requests to the node included. */
const MAX_CHALLENGE_US = 150;
const BLOCK_BYTES = 64 * 1024;
const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);

/** A prover does not use it. */
const PUBLIC_HEARTBEAT = { key: Buffer.alloc(0), checkFraction: null };

interface Case {
  readonly tag: MerkleTag;
  readonly challenges: readonly MerkleChallenge[];
}

/**
 * Merkle proofs from a chunk in the page cache, compared with reading and authenticating as many bytes, each with
 * opening the file. The last result is the processor time of the farmer's batches, with tags from its database.
 */
export async function measureMerkleProve(folder: string): Promise<Result[]> {
  const path = join(folder, 'chunk');
  writeSeededChunk(path, SEED, CHUNK_BYTES);
  const large = createCase(CHECK_FRACTION);
  const small = createCase(null);
  const rates = await interleave(ROUNDS, maximum, {
    limit: () => measureProofs(large, ({ seed }) => readAndAuthenticate(path, seed, CHECKED_BYTES)),
    prove: () => measureProofs(large, (challenge) => prove(path, challenge, large.tag)),
    smallLimit: () => measureProofs(small, ({ seed }) => readAndAuthenticate(path, seed, SMALL_BYTES)),
    small: () => measureProofs(small, (challenge) => prove(path, challenge, small.tag)),
  });
  rmSync(path);
  return [
    createResult('merkle-prove', rates.prove, 'proofs/s', rates.limit, { min: 0.85 }),
    createResult('merkle-prove-8192-bytes', 1e6 / rates.small, 'µs', MAX_SMALL_US, { max: 1 }),
    createResult('merkle-prove-8192-bytes-vs-hmac', rates.small, 'proofs/s', rates.smallLimit),
    createResult('merkle-prove-stored-tags-cpu', await measureBatches(folder), 'µs', MAX_CHALLENGE_US),
  ];
}

function createCase(checkFraction: number | null): Case {
  const bytes = Buffer.concat([...randomio(SEED, CHUNK_BYTES)]);
  const heartbeat = createMerkleHeartbeat(randomBytes, checkFraction);
  const { tag, state } = merkle.encode(heartbeat, fileFromBytes(bytes), { random: randomBytes, timestamp: 1 });
  const challenges: MerkleChallenge[] = [];
  for (let next = merkle.genChallenge(heartbeat, state); challenges.length < PROOFS_PER_ROUND && next !== undefined; ) {
    challenges.push(next.challenge);
    next = merkle.genChallenge(heartbeat, next.state);
  }
  return { tag, challenges };
}

/** @returns proofs per second */
function measureProofs({ challenges }: Case, work: (challenge: MerkleChallenge) => void): number {
  const start = performance.now();
  for (const challenge of challenges) work(challenge);
  return (1000 * challenges.length) / (performance.now() - start);
}

function prove(path: string, challenge: MerkleChallenge, tag: MerkleTag): void {
  const descriptor = openSync(path, 'r');
  const read = (buffer: Uint8Array, position: number) => readSync(descriptor, buffer, 0, buffer.length, position);
  merkle.prove(PUBLIC_HEARTBEAT, { size: CHUNK_BYTES, read }, challenge, tag);
  closeSync(descriptor);
}

function readAndAuthenticate(path: string, seed: Uint8Array, length: number): void {
  const descriptor = openSync(path, 'r');
  const hmac = createHmac('sha256', seed);
  const start = Buffer.from(seed).readUInt32LE() % (CHUNK_BYTES - length);
  for (let done = 0; done < length; done += BLOCK_BYTES) {
    const count = Math.min(BLOCK_BYTES, length - done);
    readSync(descriptor, block, 0, count, start + done);
    hmac.update(count < BLOCK_BYTES ? block.subarray(0, count) : block);
  }
  hmac.digest();
  closeSync(descriptor);
}

/** @returns processor time for a proof, in µs */
async function measureBatches(folder: string): Promise<number> {
  const requests = createFarm(folder);
  const { proofs } = await interleave(ROUNDS, maximum, {
    proofs: () => {
      const before = process.cpuUsage();
      for (let done = 0; done < requests.length; done += BATCH) {
        const outcomes = proveTagged(folder, requests.slice(done, done + BATCH));
        if (outcomes.some((outcome) => 'error' in outcome)) throw new Error('a chunk was not proved');
      }
      const { user, system } = process.cpuUsage(before);
      return requests.length / (user + system);
    },
  });
  return 1 / proofs;
}

function createFarm(folder: string): TaggedProofRequest[] {
  const bytes = Buffer.concat([...randomio(SEED, FARM_CHUNK_BYTES)]);
  const heartbeat = createMerkleHeartbeat(randomBytes, CHECK_FRACTION);
  const { tag, state } = merkle.encode(heartbeat, fileFromBytes(bytes), { random: randomBytes, timestamp: 1 });
  const challenge = JSON.stringify(merkle.challenge.toJSON(merkle.genChallenge(heartbeat, state)?.challenge ?? fail()));
  const texts = {
    scheme: 'Merkle',
    sizeBytes: FARM_CHUNK_BYTES,
    heartbeat: JSON.stringify(merkle.heartbeat.toJSON(merkle.getPublic(heartbeat))),
    tag: JSON.stringify(merkle.tag.toJSON(tag)),
  };
  const contractIds = Array.from({ length: FARM_CONTRACTS }, (_, n) => n.toString(16).padStart(64, '0'));
  const job = { kind: 'save', tags: contractIds.map((contractId) => ({ contractId, ...texts })) } as const;
  if (performTagTask(folder, job).kind !== 'saved') throw new Error('the tags were not saved');
  return contractIds.map((contractId) => {
    const path = join(folder, contractId);
    writeFileSync(path, bytes);
    return { contractId, path, seed: SEED, sizeBytes: FARM_CHUNK_BYTES, challenge };
  });
}

function fail(): never {
  throw new Error('no challenge');
}
