import { HeartbeatError } from '../heartbeat-error.ts';
import { readInteger, readNumber, rejectField } from '../json-fields.ts';
import type { EncodeOptions, ProofCheck, ProofScheme, RandomBytes } from '../proof-scheme.ts';
import type { RandomAccessFile } from '../random-access-file.ts';
import { challengeCodec, heartbeatCodec, MAX_TIMESTAMP, proofCodec, stateCodec, tagCodec } from './merkle-json.ts';
import { computeLeafBlob, getNextSeed } from './merkle-leaf.ts';
import { MAX_CHALLENGES } from './merkle-limits.ts';
import { divideTag, loadTag } from './merkle-parts.ts';
import { checkSignature, signState } from './merkle-state.ts';
import {
  buildTree,
  getBranch,
  getNode,
  getOrder,
  hashLeaf,
  isBranchOf,
  isConsistentBranch,
  isConsistentTree,
} from './merkle-tree.ts';
import {
  DEFAULT_CHALLENGES,
  DEFAULT_CHUNK_BYTES,
  type MerkleChallenge,
  type MerkleHeartbeat,
  type MerkleProof,
  type MerkleState,
  type MerkleTag,
  type MerkleTypes,
} from './merkle-types.ts';

/** A private heartbeat with a new key. */
export function createMerkleHeartbeat(random: RandomBytes, checkFraction: number | null = null): MerkleHeartbeat {
  return { key: random(32), checkFraction };
}

export interface MerkleEncodeOptions extends EncodeOptions {
  /** How many challenges the file can get, from 1 to 65 536; 256 by default. */
  readonly challenges?: number;
  /** The root seed; 32 random bytes by default. */
  readonly seed?: Uint8Array;
  /** Bytes that each challenge covers; by default from the heartbeat's check fraction. */
  readonly chunkSize?: number;
}

/**
 * The Merkle scheme: all challenges are computed in advance, and the root of the tree of their answers is enough to
 * verify. `prove` costs as much as reading and hashing the covered bytes, `encode` as much for each challenge.
 *
 * Source: `heartbeat/Merkle` of Storj's heartbeat 0.1.10.
 */
export const merkle = {
  heartbeat: heartbeatCodec,
  tag: tagCodec,
  state: stateCodec,
  challenge: challengeCodec,
  proof: proofCodec,

  getPublic({ checkFraction }: MerkleHeartbeat): MerkleHeartbeat {
    return { key: Buffer.alloc(0), checkFraction };
  },

  encode(
    heartbeat: MerkleHeartbeat,
    file: RandomAccessFile,
    options: MerkleEncodeOptions,
  ): { tag: MerkleTag; state: MerkleState } {
    const key = getKey(heartbeat);
    const challengeCount = readInteger(options.challenges ?? DEFAULT_CHALLENGES, 'challenges', 1, MAX_CHALLENGES);
    const timestamp = readNumber(options.timestamp, 'timestamp', 0, MAX_TIMESTAMP);
    const chunkSize = readInteger(options.chunkSize ?? getChunkSize(heartbeat, file.size), 'chunkSize', 0);
    const rootSeed = options.seed ?? options.random(32);
    const leaves: Buffer[] = [];
    let seed = rootSeed;
    for (let index = 0; index < challengeCount; index++) {
      seed = getNextSeed(key, seed);
      const blob = computeLeafBlob(file, seed, { fileSize: file.size, chunkSize });
      leaves.push(hashLeaf({ index, blob }));
    }
    const tree = buildTree(leaves);
    const state = { index: 0, seed: rootSeed, challengeCount, root: tree.root, timestamp };
    return { tag: { tree, chunkSize, fileSize: file.size }, state: signState(key, state) };
  },

  genChallenge(
    heartbeat: MerkleHeartbeat,
    state: MerkleState,
  ): { challenge: MerkleChallenge; state: MerkleState } | undefined {
    const key = getKey(heartbeat);
    checkSignature(key, state);
    const { index } = state;
    if (index >= state.challengeCount) return undefined;
    const seed = getNextSeed(key, state.seed);
    return { challenge: { seed, index }, state: signState(key, { ...state, seed, index: index + 1 }) };
  },

  prove(_: MerkleHeartbeat, file: RandomAccessFile, challenge: MerkleChallenge, tag: MerkleTag): MerkleProof {
    const { index, seed } = challenge;
    const { leafCount } = tag.tree;
    if (index >= leafCount) rejectField('challenge.index', `below ${leafCount}, the tag's leaves`, String(index));
    const sizes = { fileSize: tag.fileSize ?? file.size, chunkSize: tag.chunkSize };
    return { leaf: { index, blob: computeLeafBlob(file, seed, sizes) }, branch: getBranch(tag.tree, index) };
  },

  verify(heartbeat: MerkleHeartbeat, proof: MerkleProof, challenge: MerkleChallenge, state: MerkleState): boolean {
    checkSignature(getKey(heartbeat), state);
    if (proof.leaf.index !== challenge.index) return false;
    return isBranchOf(proof.leaf, proof.branch, { leafCount: state.challengeCount, root: state.root });
  },

  isEmptyChallenge(_: MerkleChallenge, { chunkSize, fileSize }: MerkleTag): boolean {
    return chunkSize === 0 || fileSize === 0;
  },

  /** The tree must have the hashes of its leaves; only the verifier knows whether those are the hashes of the file. */
  isTagOf(_: MerkleHeartbeat, { tree, fileSize }: MerkleTag, size: number): boolean {
    return (fileSize === null || fileSize === size) && isConsistentTree(tree);
  },

  checkProof({ leaf }: MerkleProof, { index }: MerkleChallenge, { tree }: MerkleTag): ProofCheck {
    if (!isConsistentBranch(tree, index)) return 'corrupt_tag';
    const expected = getNode(tree, { depth: getOrder(tree.leafCount), position: index });
    return leaf.index === index && hashLeaf(leaf).equals(expected) ? 'correct' : 'corrupt_file';
  },

  divideTag,
  loadTag,
} satisfies ProofScheme<MerkleTypes>;

function getChunkSize({ checkFraction }: MerkleHeartbeat, fileSize: number): number {
  return checkFraction === null ? DEFAULT_CHUNK_BYTES : Math.trunc(checkFraction * fileSize);
}

function getKey({ key }: MerkleHeartbeat): Uint8Array {
  if (key.length > 0) return key;
  throw new HeartbeatError('private_heartbeat_required', 'heartbeat.key: must not be empty; use the private heartbeat');
}
