import type { Instant } from '@downstream/platform';
import type { ChunkSpace } from '../contract/capacity.ts';
import type { ChunkTerms, ContractId, FailureReason, Outcome, ProofKind, Terms } from '../contract/contract.ts';
import type { JournalEntry } from '../contract/journal-entry.ts';
import type { ClockOffsets, TimeRange } from '../contract/lost-time.ts';
import type { Round } from '../contract/round.ts';
import type { ChunkError } from './errors.ts';

/** What the farmer needs from nodes, disks and the state. `app.ts` connects the implementations. */

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Applies if it is shorter than the callee's own timeout. */
  readonly timeoutMs?: number | undefined;
}

/** The APIs that a node may serve. */
export const NODE_APIS = ['prototype', 'v1'] as const;
export type NodeApi = (typeof NODE_APIS)[number];

/** The longest JSON of a tag. The largest Merkle tag has 6 MB; a Swizzle tag of a 32 MiB chunk has 4.6 MB. */
export const MAX_TAG_LENGTH = 8 * 1024 * 1024;

/** The tag of a chunk and what else its proofs need, as JSON of the scheme, not yet validated. */
export interface ReceivedTag {
  readonly scheme: Exclude<ProofKind, 'digest'>;
  /** The public heartbeat. */
  readonly heartbeat: unknown;
  readonly tag: unknown;
}

/** A contract as a node offers it. */
export interface Offer extends Pick<Terms, 'id' | 'reference' | 'source' | 'intervalMs'> {
  /** Undefined if the chunk is as large as the genesis file. */
  readonly sizeBytes?: number | undefined;
  readonly challenge: string;
  /** In the v1 API. */
  readonly tag?: ReceivedTag | undefined;
}

/** Why an entry of a list from the node was skipped. */
export const SKIP_REASONS = ['invalid_contract', 'invalid_challenge', 'surplus'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What a node says about this farmer's contracts: about all, or about those that it was asked for. */
export interface Listing {
  /** The contracts that have not ended. */
  readonly held: ReadonlySet<ContractId>;
  /** The challenges that can be answered now. */
  readonly open: ReadonlyMap<ContractId, string>;
  /**
   * In the v1 API, the time until the deadline of each contract's current challenge. Contracts that are not in `open`
   * have answered it: their next challenge can be requested after the deadline.
   */
  readonly dueInMs?: ReadonlyMap<ContractId, number> | undefined;
  /** In the v1 API, the contracts that had all their challenges. */
  readonly completed?: ReadonlySet<ContractId> | undefined;
  /** In the v1 API, the contracts that ended because a challenge was missed, or were ended by the node. */
  readonly expired?: ReadonlySet<ContractId> | undefined;
  /** How many entries were skipped. */
  readonly skipped: Readonly<Record<SkipReason, number>>;
}

/** A contract as it is named towards the node. */
export type NodeContract = Pick<Terms, 'id' | 'reference'>;

export interface ListingOptions extends CallOptions {
  /** How many contracts this farmer may have. Bounds the size of the response; by default, only the API does. */
  readonly maxContracts?: number;
  /** Whether this farmer has a contract. By default all contracts are known. Of the others, 1,000 are listed. */
  readonly isKnown?: (id: ContractId) => boolean;
  /** The contracts to ask for, if the node lists only those. */
  readonly asked?: readonly NodeContract[];
}

export interface Answer extends NodeContract {
  readonly response: string;
}

/**
 * What a node says about an answer.
 *
 * - `passed` and `failed` settle the challenge.
 * - `rejected`: wrong, but a right answer in time still passes.
 * - `ended`: the node no longer has the contract.
 * - `unknown`: the node says nothing usable.
 */
export type Verdict = 'passed' | 'failed' | 'rejected' | 'ended' | 'unknown';

/** How a node's API differs from others. */
export interface NodeTraits {
  /** Whether the node lists all contracts, with the challenges that can be answered; otherwise it is asked for each. */
  readonly listsAll: boolean;
  /** How many answers, and contracts to ask for, fit into a request. */
  readonly maxBatch: number;
  /** Whether a contract can be released. */
  readonly canRelease: boolean;
  /** Whether chunks have any size and several are offered at once; otherwise each is as large as the genesis file. */
  readonly chunkSizesVary: boolean;
}

/**
 * A node, independent of the version of its API. Every call is bounded in time and size, and throws a `NodeError` if it
 * fails.
 */
export interface NodePort {
  readonly traits: NodeTraits;
  /** Finds out which API the node serves. Must succeed before the first call with a stored token. */
  connect?(options?: CallOptions): Promise<void>;
  /** Registers the payout address. @returns the token for all other calls */
  register(address: string, options?: CallOptions): Promise<string>;
  /**
   * @param options.maxBytes how much space there is for chunks; ignored if the node offers one contract at a time
   * @returns an empty array if the node has no contract to offer
   */
  requestContracts(token: string, options: CallOptions & { readonly maxBytes: number }): Promise<readonly Offer[]>;
  listContracts(token: string, options?: ListingOptions): Promise<Listing>;
  /** @returns the verdict on each answer, in the same order */
  answer(token: string, answers: readonly Answer[], options?: CallOptions): Promise<readonly Verdict[]>;
  /** Asks the node to remove a contract from this farmer. */
  release(token: string, contract: NodeContract, options?: CallOptions): Promise<void>;
}

/** The circuit breaker of a node. */
export interface CircuitPort {
  /** How long no request will be sent; undefined while it is closed or allows a trial request. */
  readonly retryAfterMs: number | undefined;
}

/** The clock of a node. */
export interface NodeClockPort {
  /** How far it was ahead of our instants in the node's last response; undefined if that had no valid date. */
  readonly ahead: TimeRange | undefined;
}

/** Connects the clock of this process with that of the next one. */
export interface ClockStorePort {
  /** The offsets that were saved last, relative to instants of this process; undefined before the first. */
  clockOffsets(): ClockOffsets | undefined;
  saveClockOffsets(offsets: ClockOffsets): void;
}

export interface ProofRequest {
  readonly chunk: ChunkTerms;
  readonly challenge: string;
}

export type ProofOutcome =
  | {
      readonly response: string;
      /** Whether the challenge covers no byte of the chunk, so that the proof shows nothing. */
      readonly isEmpty?: boolean | undefined;
    }
  | { readonly error: ChunkError };

/** Chunk files on disk. The work on them runs in worker threads. Calls throw a `ChunkError` if they fail. */
export interface ChunkPort {
  /** Generates or downloads a chunk. The file gets its name only when it is complete and has the expected hash. */
  create(chunk: ChunkTerms, options?: CallOptions): Promise<void>;
  /**
   * Reads chunks and computes the responses, with few jobs for workers.
   *
   * @returns the outcomes in the same order. None is delayed by a disk that hangs, except its own
   */
  prove(requests: readonly ProofRequest[], options?: CallOptions): readonly Promise<ProofOutcome>[];
  /** Reads the chunk and compares it with its hash or seed. @throws ChunkError `corrupt`, `unreadable` or `slow` */
  verify(chunk: ChunkTerms, options?: CallOptions): Promise<void>;
  remove(id: ContractId): Promise<void>;
}

/** What is known of a stored tag. `challengeCount`: undefined without a limit. `invalid`: it was not stored. */
export type SavedTag = { readonly challengeCount: number | undefined } | 'invalid';

/** A tag and the chunk that it must belong to. */
export interface NewTag extends Pick<ChunkTerms, 'id' | 'sizeBytes'> {
  readonly received: ReceivedTag;
}

/** The tags of chunks, which proofs of a heartbeat scheme need. */
export interface TagPort {
  /**
   * Validates and stores the tags of contracts. After this returns, they survive a power failure.
   *
   * @returns the result for each, in the same order
   */
  save(tags: readonly NewTag[]): Promise<readonly SavedTag[]>;
  remove(id: ContractId): void;
}

export interface FreeSpacePort {
  /**
   * How large new chunks may be in total so that all of them fit on the working disks. A chunk is on one disk.
   *
   * @param pending the chunks that have no place yet, and the number of new ones
   * @param options `hasTags`: whether the new chunks have tags, which need space too
   */
  availableBytes(pending: ChunkSpace, options?: { readonly hasTags?: boolean }): number;
}

/** The part of a contract that survives a restart. */
export interface StoredContract {
  readonly terms: Terms;
  readonly round: Round;
  /** The challenge of the last settled round: nodes may keep listing it. */
  readonly settled?: string | undefined;
  /** Whether an intact chunk ever existed. */
  readonly hadChunk: boolean;
  readonly isLapsed?: boolean | undefined;
  /** Whether the state was lost or restored during the current round, whose outcome may be unknown therefore. */
  readonly isUnknown?: boolean | undefined;
  /** The outcome of the last round, if the journal contains it. Only read. */
  readonly last?: Outcome | undefined;
}

/** The number of rounds with each outcome, without unknown ones. */
export type Tally = Readonly<Record<'passed' | FailureReason, number>>;
export const EMPTY_TALLY: Tally = {
  passed: 0,
  wrong_answer: 0,
  late: 0,
  missed: 0,
  not_challenged: 0,
  chunk_unreadable: 0,
  node_error: 0,
};

/** The outcome of a round, which is stored together with the contract's next round. */
export interface StoredOutcome {
  /** The new total of this outcome in the tally; undefined if the outcome is unknown. */
  readonly total?: { readonly name: keyof Tally; readonly count: number } | undefined;
  readonly entry: JournalEntry;
}

/** The state of one node's contracts. */
export interface StorePort {
  /** After this returns, the contracts survive a power failure. Stores none if it throws. */
  insert(...contracts: readonly StoredContract[]): void;
  /** Stores a contract's round and chunk state together with the outcome of its last round, in one transaction. */
  update(contract: StoredContract, outcome?: StoredOutcome): void;
  remove(id: ContractId): void;
  /** Runs `work`, whose writes become one transaction. Throws its error, or that of the transaction. */
  inBatch(work: () => void): void;
  /** @param options.sizeBytes the size of chunks whose size is not stored */
  contracts(options?: { readonly sizeBytes?: number }): StoredContract[];
  tally(): Tally;
}

export interface TokenStorePort {
  token(): string | undefined;
  saveToken(token: string): void;
  /** The API of the token and the contracts; undefined before it is known. */
  api(): NodeApi | undefined;
  /** Saves another API than before. If one was known, the token, which belongs to it, is forgotten. */
  saveApi(api: NodeApi): void;
}

/** The state of the graceful exit from a node. `exiting`: contracts are being released. `exited`: none remain. */
export const EXIT_STATES = ['active', 'exiting', 'exited'] as const;
export type ExitState = (typeof EXIT_STATES)[number];

export interface ExitStorePort {
  exitState(): ExitState;
  saveExitState(state: ExitState): void;
}

/** The position of the scrub, which survives a restart. */
export interface StoredScrub {
  /** When the current cycle started. */
  readonly startedAt: Instant;
  /** The last contract visited, in the order of ids; empty at the start of a cycle. */
  readonly cursor: ContractId | '';
  readonly completedAt?: Instant | undefined;
}

export interface ScrubStorePort {
  scrub(): StoredScrub | undefined;
  saveScrub(scrub: StoredScrub): void;
}

/** Why a contract was not accepted, or not kept. */
export const REJECTION_REASONS = ['hash_mismatch', 'duplicate', 'download_rejected', 'invalid_tag'] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

export const END_REASONS = ['ended_by_node', 'completed', 'token_lost', 'released'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** The result of the scrub for one chunk. */
export const SCRUB_RESULTS = [
  /** Its hash matched. */
  'ok',
  /** Not read, because a proof has verified it since the cycle started. */
  'proved',
  'corrupt',
  'unreadable',
  'slow',
] as const;
export type ScrubResult = (typeof SCRUB_RESULTS)[number];

export interface OutcomePort {
  /** Rounds with any outcome, in addition to the following two calls. */
  roundsSettled(entry: JournalEntry): void;
  /** Time was lost, between `after` and `now`, that the clock of this process did not see. */
  timeLost(ms: number, period: { readonly after: Instant; readonly now: Instant }): void;
  challengePassed(slackMs: number, at: Instant): void;
  challengeFailed(reason: FailureReason, count: number, slackMs: number | undefined): void;
  contractAccepted(): void;
  contractRejected(reason: RejectionReason): void;
  contractEnded(reason: EndReason): void;
  /** @param waitMs how long the challenge waited for a worker */
  proofStarted(waitMs: number): void;
  entriesSkipped(reason: SkipReason, count: number): void;
  /** A challenge was proved that covers no byte of its chunk. */
  emptyChallenge(): void;
  chunkRebuilt(): void;
}
