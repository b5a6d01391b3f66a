import type { V1Scheme } from '@downstream/protocol';
import type { ProofVerdict } from '../ledger/heartbeat-contracts.ts';
import type { EncodedTexts, ProofToVerify, StoredHeartbeat } from './heartbeat.ts';

/** Work for a thread. `nodeSeed` determines all random values. */
export type Task =
  | { readonly kind: 'create'; readonly scheme: V1Scheme; readonly checkFraction: number; readonly nodeSeed: string }
  | {
      readonly kind: 'encode';
      readonly heartbeat: StoredHeartbeat;
      readonly nodeSeed: string;
      readonly chunkSeeds: readonly string[];
      readonly sizeBytes: number;
      readonly challenges: number;
      /** In seconds since 1970. */
      readonly timestamp: number;
    }
  | { readonly kind: 'verify'; readonly heartbeat: StoredHeartbeat; readonly proofs: readonly ProofToVerify[] };

export interface TaskResults {
  readonly create: StoredHeartbeat;
  /** In the order of the seeds. */
  readonly encode: readonly EncodedTexts[];
  /** In the order of the proofs. */
  readonly verify: readonly ProofVerdict[];
}
