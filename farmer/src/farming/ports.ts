import type { Instant } from '@downstream/platform';
import type { ChunkSource, ContractId, FailureReason, Terms } from '../contract/contract.ts';
import type { Round } from '../contract/round.ts';

/** What farming needs of the world, as small as its use. `app.ts` says who gives it. */

export interface CallOptions {
  readonly signal?: AbortSignal;
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
  takeContract(token: string, options?: CallOptions): Promise<Offer | undefined>;
  listContracts(token: string, options?: CallOptions): Promise<Listing>;
  /** @returns whether the node accepted the answer */
  answer(token: string, answer: { id: ContractId; response: string }, options?: CallOptions): Promise<boolean>;
  /** Gives a contract back. */
  release(token: string, id: ContractId, options?: CallOptions): Promise<void>;
}

/** Chunk files, and the work on them in threads of their own. */
export interface ChunkPort {
  /** Makes or downloads a chunk; it takes its name only when its hash is `id`. Throws a `ChunkError`. */
  create(id: ContractId, source: ChunkSource, options?: CallOptions): Promise<void>;
  /** Reads the chunk for an answer. Throws a `ChunkError` where it can't be read or is not what it was. */
  prove(id: ContractId, challenge: string): Promise<string>;
  remove(id: ContractId): Promise<void>;
}

/** What of a contract outlives the process. */
export interface StoredContract {
  readonly terms: Terms;
  readonly round: Round;
  readonly hasChunk: boolean;
}

export type Tally = Readonly<Record<'passed' | FailureReason, number>>;

export interface StorePort {
  insert(contract: StoredContract): void;
  /** Writes a contract's round and chunk state, and one total of the tally, as one. */
  update(contract: StoredContract, total?: { name: keyof Tally; count: number }): void;
  remove(id: ContractId): void;
  contracts(): StoredContract[];
  tally(): Tally;
}

export interface TokenStorePort {
  token(): string | undefined;
  saveToken(token: string): void;
}

/** Why a contract was not taken on, or not kept. */
export type RefusalReason = 'hash_mismatch' | 'duplicate' | 'download_refused';
export const REFUSAL_REASONS: readonly RefusalReason[] = ['hash_mismatch', 'duplicate', 'download_refused'];
export type EndReason = 'ended_by_node' | 'token_lost';
export const END_REASONS: readonly EndReason[] = ['ended_by_node', 'token_lost'];

/** Where outcomes are counted. */
export interface OutcomePort {
  passed(slackMs: number, at: Instant): void;
  failed(reason: FailureReason, count: number, slackMs: number | undefined): void;
  /** A contract was taken on. */
  taken(): void;
  refused(reason: RefusalReason): void;
  ended(reason: EndReason): void;
  /** How long an open challenge waited until a worker took it up. */
  proofWaited(ms: number): void;
}
