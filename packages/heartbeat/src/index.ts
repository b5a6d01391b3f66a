export { ChunkDigest, type ContractProof, proveContract } from './contract-challenge.ts';
export {
  computeOneHashExtents,
  computeOneHashResponse,
  generateOneHashSeeds,
  type OneHashChallenge,
} from './one-hash.ts';
