export { ChunkDigest, type ContractProof, proveContract } from './contract-challenge.ts';
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
