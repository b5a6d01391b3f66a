import type { MerkleTree } from './merkle-tree.ts';

export interface MerkleHeartbeat {
  /** Signs states and generates seeds. 32 bytes by default; empty in a public heartbeat. */
  readonly key: Uint8Array;
  /** The part of a file that each challenge covers; null for {@link DEFAULT_CHUNK_BYTES}. */
  readonly checkFraction: number | null;
}

export interface MerkleTag {
  readonly tree: MerkleTree;
  /** Bytes that each challenge covers. May exceed the file's size: a challenge then covers the whole file. */
  readonly chunkSize: number;
  /** Size in bytes of the encoded file; null (in tags of heartbeat before 0.1.9) for the size of the proved file. */
  readonly fileSize: number | null;
}

export interface MerkleState {
  /** The index of the next challenge. */
  readonly index: number;
  /** The seed of the last challenge; the root seed at first. */
  readonly seed: Uint8Array;
  /** The number of challenges, used ones included. */
  readonly challengeCount: number;
  /** The root of the tree, 32 bytes. */
  readonly root: Uint8Array;
  /** HMAC-SHA256 of the other fields, 32 bytes. */
  readonly signature: Uint8Array;
  /** In seconds since 1970. */
  readonly timestamp: number;
}

export interface MerkleChallenge {
  /** Determines which bytes are covered, and is the key of their HMAC. 32 bytes. */
  readonly seed: Uint8Array;
  /** The index of the leaf. */
  readonly index: number;
}

export interface MerkleProof {
  /** `blob` is the HMAC-SHA256 of the covered bytes, 32 bytes. */
  readonly leaf: { readonly index: number; readonly blob: Uint8Array };
  /** The pairs (left, right) from the leaf to below the root. A node has 32 bytes; none if its leaf is missing. */
  readonly branch: readonly (readonly [Uint8Array, Uint8Array])[];
}

export interface MerkleTypes {
  heartbeat: MerkleHeartbeat;
  tag: MerkleTag;
  state: MerkleState;
  challenge: MerkleChallenge;
  proof: MerkleProof;
}

export const DEFAULT_CHUNK_BYTES = 8192;
export const DEFAULT_CHALLENGES = 256;
