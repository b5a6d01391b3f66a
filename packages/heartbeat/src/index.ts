export { ChunkDigest, type ContractProof, proveContract } from './contract-challenge.ts';
export { HeartbeatError, type HeartbeatErrorCode } from './heartbeat-error.ts';
export { evaluateKeyedPrf } from './keyed-prf.ts';
export { createMerkleHeartbeat, type MerkleEncodeOptions, merkle } from './merkle/merkle.ts';
export type { MerkleTree } from './merkle/merkle-tree.ts';
export type {
  MerkleChallenge,
  MerkleHeartbeat,
  MerkleProof,
  MerkleState,
  MerkleTag,
  MerkleTypes,
} from './merkle/merkle-types.ts';
export {
  computeOneHashExtents,
  computeOneHashResponse,
  generateOneHashSeeds,
  type OneHashChallenge,
} from './one-hash.ts';
export {
  computeDetectionProbability,
  countChallengesToDetect,
  countSampledBytes,
  MIN_ONE_HASH_BYTES,
} from './one-hash-sample.ts';
export type {
  Codec,
  DividedTag,
  EncodeOptions,
  ProofCheck,
  ProofScheme,
  RandomBytes,
  ReadPart,
  SchemeTypes,
} from './proof-scheme.ts';
export { fileFromBytes, type RandomAccessFile } from './random-access-file.ts';
export {
  type DividedProofRequest,
  divideReceivedTag,
  type ProofRequest,
  type ProofResult,
  proveDividedRequest,
  proveRequest,
  type ReceivedTag,
} from './schemes.ts';
export { createSwizzleHeartbeat, type SwizzleOptions, swizzle } from './swizzle/swizzle.ts';
export { createSwizzlePrf } from './swizzle/swizzle-prf.ts';
export type {
  SwizzleChallenge,
  SwizzleHeartbeat,
  SwizzleProof,
  SwizzleState,
  SwizzleTag,
  SwizzleTypes,
} from './swizzle/swizzle-types.ts';
