import type { Instant } from '@downstream/platform';
import type { ChunkSource, ContractId, FailureReason, Terms } from '../contract/contract.ts';
import type { JournalEntry } from '../contract/journal-entry.ts';
import type { Round } from '../contract/round.ts';

/** What farming needs of the world, as small as its use. `app.ts` says who gives it. */

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Give up after so long, should the callee's own bound be longer. */
  readonly timeoutMs?: number | undefined;
}

/** A contract as a node offers it. */
export interface Offer {
  readonly id: ContractId;
  readonly source: ChunkSource;
  readonly challenge: string;
  readonly intervalMs: number;
}

/** What the node has on this farmer's account. */
export interface Listing {
  /** Every contract that is still running. */
  readonly held: ReadonlySet<ContractId>;
  /** The challenges that can be answered now. */
  readonly open: readonly { readonly id: ContractId; readonly challenge: string }[];
}

/**
 * A node, whichever generation of the API it speaks. Each call throws a `NodeError`, whose code says how it went wrong,
 * and is bounded in time and size. Batching, where an API has it, is the adapter's business.
 */
export interface NodePort {
  /** Checks that a node is there and registers the payout address. @returns a token to keep */
  register(address: string, options?: CallOptions): Promise<string>;
  /** @returns nothing where the node has no contract to give at present */
  requestContract(token: string, options?: CallOptions): Promise<Offer | undefined>;
  listContracts(token: string, options?: CallOptions): Promise<Listing>;
  /** @returns whether the node accepted the answer */
  answer(token: string, answer: { id: ContractId; response: string }, options?: CallOptions): Promise<boolean>;
  /** Gives a contract back. */
  release(token: string, id: ContractId, options?: CallOptions): Promise<void>;
}

/** The circuit breaker before a node. */
export interface CircuitPort {
  /** How long nothing will be sent; undefined where it is closed, or lets an attempt through. */
  readonly retryAfterMs: number | undefined;
}

/** Chunk files on the disks, and the work on them in threads of their own. Every call throws a `ChunkError`. */
export interface ChunkPort {
  /** Makes or downloads a chunk, on a disk that has room; it takes its name only when its hash is `id`. */
  create(id: ContractId, source: ChunkSource, options?: CallOptions): Promise<void>;
  /** Reads the chunk for an answer: `corrupt`, `unreadable` or `slow` where there is none to be had. */
  prove(id: ContractId, challenge: string, options?: CallOptions): Promise<string>;
  /** Reads the chunk and compares it with its hash: `corrupt`, `unreadable` or `slow` where it is not sound. */
  verify(id: ContractId, options?: CallOptions): Promise<void>;
  /** Deletes the chunk; one that is not there is fine. */
  remove(id: ContractId): Promise<void>;
}

/** How much more the disks can take. */
export interface FreeSpacePort {
  /** How many further chunks fit now, beside those that are there, on disks that are well. */
  readonly chunks: number;
}

/** What of a contract outlives the process. */
export interface StoredContract {
  readonly terms: Terms;
  readonly round: Round;
  /** The challenge that the last verdict was about: nodes may go on listing it. */
  readonly settled?: string | undefined;
  /** Whether its chunk was ever whole. */
  readonly hadChunk: boolean;
}

/** How many rounds came out in which way. */
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

/** How a round came out, as it is written down together with the contract's next round. */
export interface StoredOutcome {
  /** One total of the tally, as it is now. */
  readonly total: { readonly name: keyof Tally; readonly count: number };
  readonly entry: JournalEntry;
}

/** The state of one node's contracts. */
export interface StorePort {
  /** When this returns the contract survives a power failure. */
  insert(contract: StoredContract): void;
  /** Writes a contract's round and chunk state, and how its last round came out, as one. */
  update(contract: StoredContract, outcome?: StoredOutcome): void;
  remove(id: ContractId): void;
  contracts(): StoredContract[];
  tally(): Tally;
}

export interface TokenStorePort {
  token(): string | undefined;
  saveToken(token: string): void;
}

/** Whether this farmer stays with a node: it gives its contracts back while it is `leaving`, and has none when it has `left`. */
export type ExitState = 'no' | 'leaving' | 'left';

export interface ExitStorePort {
  leaving(): ExitState;
  saveExitState(leaving: ExitState): void;
}

/** How far the scrub has come, over restarts. */
export interface StoredScrub {
  /** When the round that is under way began. */
  readonly startedAt: Instant;
  /** Contracts up to this id have had their turn; empty before the first. */
  readonly cursor: ContractId | '';
  readonly completedAt?: Instant | undefined;
}

export interface ScrubStorePort {
  scrub(): StoredScrub | undefined;
  saveScrub(scrub: StoredScrub): void;
}

/** Why a contract was not taken on, or not kept. */
export type RejectionReason = 'hash_mismatch' | 'duplicate' | 'download_rejected';
export const REJECTION_REASONS: readonly RejectionReason[] = ['hash_mismatch', 'duplicate', 'download_rejected'];
export type EndReason = 'ended_by_node' | 'token_lost' | 'released';
export const END_REASONS: readonly EndReason[] = ['ended_by_node', 'token_lost', 'released'];

/** What came of a chunk that the scrub looked at. */
export const SCRUB_RESULTS = [
  /** Read, and what it should be. */
  'sound',
  /** A proof read it whole since this round of the scrub began: nothing more to do. */
  'proved',
  'corrupt',
  'unreadable',
  'slow',
] as const;
export type ScrubResult = (typeof SCRUB_RESULTS)[number];

/** Where outcomes are counted. */
export interface OutcomePort {
  passed(slackMs: number, at: Instant): void;
  failed(reason: FailureReason, count: number, slackMs: number | undefined): void;
  /** A contract was taken on. */
  taken(): void;
  refused(reason: RejectionReason): void;
  ended(reason: EndReason): void;
  /** How long an open challenge waited until a worker took it up. */
  proofWaited(ms: number): void;
  /** A chunk that was lost or damaged is there again. */
  repaired(): void;
}
