import type { ProofKind } from './contract.ts';

/**
 * How the contracts of the two APIs differ. Round n of both lasts from start + n·interval to start + (n+1)·interval.
 */
export interface ContractRules {
  /**
   * Whether a round's challenge opens when the farmer requests it. Otherwise it opens at the start of the round. In
   * both cases, a round without an answer is missed.
   */
  readonly opensOnRequest: boolean;
  /** Consecutive missed or failed challenges that end a contract; undefined for the node's setting. */
  readonly maxFailures?: number;
}

export const CONTRACT_RULES: Readonly<Record<ProofKind, ContractRules>> = {
  digest: { opensOnRequest: false },
  heartbeat: { opensOnRequest: true, maxFailures: 1 },
};
