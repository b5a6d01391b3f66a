/** Values of a label of `mock_node_challenges_total`. */
export const CHALLENGE_RESULTS = ['passed', 'wrong', 'unanswered'] as const;
export type ChallengeResult = (typeof CHALLENGE_RESULTS)[number];

/** What of a contract has to be kept for it to go on: its challenges are drawn again, its verifier made again. */
export interface StoredContract {
  readonly index: number;
  readonly token: string;
  readonly hash: string;
  readonly secret: string;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** When round 0 began, or would have for its rounds to be where they are. */
  startedAt: number;
  round: number;
  /** The first answer of this round, which settled it. */
  settled: { readonly response: string; readonly passed: boolean } | undefined;
  consecutiveFailures: number;
  readonly results: Record<ChallengeResult, number>;
}

/** How many were ever made: where the draws go on. */
export interface CreatedCounts {
  readonly farmers: number;
  readonly contracts: number;
}

/** All that a ledger is made of. */
export interface StoredLedger {
  readonly made: CreatedCounts;
  /** Tokens, in the order in which they were given. */
  readonly farmers: readonly string[];
  /** In the order in which they were taken. */
  readonly contracts: readonly StoredContract[];
}

/** Told what changes in a ledger, to keep it: each call makes the former ones about the same thing void. */
export interface LedgerStore {
  made(made: CreatedCounts): void;
  /** @param isKnown false: the farmer is forgotten */
  farmer(token: string, isKnown: boolean): void;
  /** What is to be kept may be read later: it is the contract as it is then. */
  contract(contract: Readonly<StoredContract>): void;
  ended(contract: Readonly<StoredContract>): void;
}
