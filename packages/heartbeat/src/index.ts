export { ChunkDigest, type ContractProof, proveContract } from './contract-challenge.ts';
export {
  type Extent,
  type OneHashChallenge,
  oneHashExtents,
  oneHashResponse,
  oneHashSeeds,
} from './one-hash.ts';
