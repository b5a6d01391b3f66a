/** Verifies answers about one chunk without keeping the chunk. */
export interface Verifier {
  response(challenge: string): string;
}

export interface Chunk {
  readonly fileHash: string;
  readonly sizeBytes: number;
  readonly secret: string;
  readonly verifier: Verifier;
}

/** How the proofs of a contract are verified, and what that needs. */
type ContractProof =
  | {
      /** Prototype API: a hash of the chunk and the challenge. */
      readonly kind: 'digest';
      readonly secret: string;
      /** The seed of its challenges. */
      readonly seed: string;
    }
  | {
      /** v1 API: a proof of the node's heartbeat. */
      readonly kind: 'heartbeat';
      /** JSON of the scheme's state after the current challenge. */
      state: string;
    };
export type ProofKind = ContractProof['kind'];

/** Label values of `mock_node_challenges_total`. */
export const CHALLENGE_RESULTS = ['passed', 'wrong', 'unanswered'] as const;
export type ChallengeResult = (typeof CHALLENGE_RESULTS)[number];

/** Why a proof did not settle its challenge. Label values of `mock_node_proofs_rejected_total`. */
export const PROOF_REJECTIONS = ['invalid', 'corrupted', 'answered', 'expired', 'not_found'] as const;
export type ProofRejection = (typeof PROOF_REJECTIONS)[number];

/** Label values of `mock_node_contracts_ended_total`. */
export const END_REASONS = ['failed', 'removed', 'expired', 'forgotten', 'replaced', 'completed'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Whether the challenge of the current round is open or answered. */
export const CONTRACT_STATES = ['due', 'settled'] as const;
export type ContractState = (typeof CONTRACT_STATES)[number];

/** The part of a contract that must survive a restart. Its verifier can be computed again. */
export interface StoredContract {
  readonly index: number;
  readonly token: string;
  readonly hash: string;
  readonly sizeBytes: number;
  readonly proof: ContractProof;
  /** The last challenge that was opened: its text, or JSON of the heartbeat's scheme. */
  challenge: string;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** Start of round 0. A round that starts early moves it back, so that round n always starts n intervals later. */
  startedAt: number;
  /** The round of the last challenge that was opened. */
  round: number;
  settled?: { readonly response: string; readonly passed: boolean } | undefined;
  consecutiveFailures: number;
  readonly results: Record<ChallengeResult, number>;
}

export interface Contract extends StoredContract {
  /** Only for digests. Undefined after a restart until an answer must be verified. */
  verifier: Verifier | undefined;
}

/** A running contract, seen from outside the ledger. */
export interface ContractFacts {
  readonly token: string;
  readonly hash: string;
  readonly index: number;
  readonly proofKind: ProofKind;
  readonly sizeBytes: number;
  readonly state: ContractState;
  readonly round: number;
  readonly challenge: string;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** End of the current round. */
  readonly dueAt: number;
  readonly consecutiveFailures: number;
  readonly results: Readonly<Record<ChallengeResult, number>>;
}

/**
 * Whether a contract is meant.
 *
 * @param selector the beginning of a hash, or the number of a v1 contract
 */
export function isSelected(hash: string, selector: string): boolean {
  return /^\d{1,15}$/.test(hash) ? hash === selector : hash.startsWith(selector);
}

export function getState({ settled }: Contract): ContractState {
  return settled === undefined ? 'due' : 'settled';
}

/** The end of the round of the last challenge that was opened. */
export function getDueAt({ startedAt, round, intervalMs }: StoredContract): number {
  return startedAt + (round + 1) * intervalMs;
}

/** When the contract misses a challenge unless it answers the current one or, after that, the next one. */
export function getExpiry(contract: Contract): number {
  return getDueAt(contract) + (contract.settled === undefined ? 0 : contract.intervalMs);
}

export function toFacts(contract: Contract): ContractFacts {
  const { token, hash, index, round, challenge, sizeBytes, intervalMs, acceptedAt, consecutiveFailures, results } =
    contract;
  return {
    token,
    hash,
    index,
    proofKind: contract.proof.kind,
    sizeBytes,
    state: getState(contract),
    round,
    challenge,
    intervalMs,
    acceptedAt,
    dueAt: getDueAt(contract),
    consecutiveFailures,
    results,
  };
}
