/** Verifies answers about one chunk without keeping the chunk. */
export interface Verifier {
  response(challenge: string): string;
}

export interface Chunk {
  readonly fileHash: string;
  readonly secret: string;
  readonly verifier: Verifier;
}

/** Label values of `mock_node_challenges_total`. */
export const CHALLENGE_RESULTS = ['passed', 'wrong', 'unanswered'] as const;
export type ChallengeResult = (typeof CHALLENGE_RESULTS)[number];

/** Label values of `mock_node_contracts_ended_total`. */
export const END_REASONS = ['failed', 'removed', 'expired', 'forgotten', 'replaced'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Whether the challenge of the current round is open or answered. */
export const CONTRACT_STATES = ['due', 'settled'] as const;
export type ContractState = (typeof CONTRACT_STATES)[number];

/** The part of a contract that must survive a restart. Its challenges and its verifier can be computed again. */
export interface StoredContract {
  readonly index: number;
  readonly token: string;
  readonly hash: string;
  readonly secret: string;
  /** The seed of its challenges. */
  readonly seed: string;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** Start of round 0. A round that starts early moves it back, so that round n always starts n intervals later. */
  startedAt: number;
  round: number;
  settled?: { readonly response: string; readonly passed: boolean } | undefined;
  consecutiveFailures: number;
  readonly results: Record<ChallengeResult, number>;
}

export interface Contract extends StoredContract {
  challenge: string;
  /** Undefined after a restart until an answer must be verified. */
  verifier: Verifier | undefined;
}

/** A running contract, seen from outside the ledger. */
export interface ContractFacts {
  readonly token: string;
  readonly hash: string;
  readonly index: number;
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

export function getState({ settled }: Contract): ContractState {
  return settled === undefined ? 'due' : 'settled';
}

export function toFacts(contract: Contract): ContractFacts {
  const { token, hash, index, round, challenge, intervalMs, acceptedAt, startedAt, consecutiveFailures, results } =
    contract;
  const dueAt = startedAt + (round + 1) * intervalMs;
  const state = getState(contract);
  return { token, hash, index, state, round, challenge, intervalMs, acceptedAt, dueAt, consecutiveFailures, results };
}
