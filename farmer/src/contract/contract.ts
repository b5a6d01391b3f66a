import type { Instant } from '@downstream/platform';
import { EMPTY_TIMELINE, type Round, type Timeline } from './round.ts';

/** Identifies a contract and its chunk file: 64 hex characters, validated where it enters the farmer. */
export type ContractId = string;

/** How a node names a contract: by its hash, or by whatever a node of the v1 API sent, which is sent back unchanged. */
export type NodeReference = string | number;

/** Where a chunk's bytes come from. */
export type ChunkSource =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'url'; readonly url: string }
  /** The RandomIO keystream of a seed. */
  | { readonly kind: 'seed'; readonly seed: string };

/** What a proof consists of: a digest of the whole chunk (prototype API), or a proof of a heartbeat scheme (v1 API). */
export const PROOF_KINDS = ['digest', 'Merkle', 'Swizzle'] as const;
export type ProofKind = (typeof PROOF_KINDS)[number];

/** What must be known of a contract to create, verify and prove its chunk. */
export interface ChunkTerms {
  readonly id: ContractId;
  readonly source: ChunkSource;
  readonly sizeBytes: number;
  readonly proof: ProofKind;
}

/** The part of a contract that never changes. */
export interface Terms extends ChunkTerms {
  readonly reference: NodeReference;
  /** How many challenges the contract can have; undefined without a limit. */
  readonly challengeCount?: number | undefined;
  /** In the v1 API, the time that the first challenge left. Nodes of that API set each deadline themselves. */
  readonly intervalMs: number;
  /** When the contract was requested, which is never later than its start at the node. */
  readonly acceptedAt: Instant;
}

/** Why a challenge failed. Each is a label value of `farmer_challenges_failed_total`. */
export const FAILURE_REASONS = [
  'wrong_answer',
  'late',
  'missed',
  'not_challenged',
  'chunk_unreadable',
  'node_error',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];
/** `unknown`: only the node knows whether the challenge passed. It counts as neither passed nor failed. */
export const OUTCOMES = ['passed', ...FAILURE_REASONS, 'unknown'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What prevents a right answer. `invalid_challenge`: it does not belong to the contract. `no_tag`: the tag is lost. */
export type Obstacle = 'chunk_unreadable' | 'wrong_answer' | 'invalid_challenge' | 'no_tag';

interface CommonState {
  readonly terms: Terms;
  readonly round: Round;
  /** When each stage of this round's challenge was reached. */
  readonly timeline: Timeline;
  /** What has prevented a right answer in this round so far, and determines the failure reason. */
  readonly obstacle?: Obstacle | undefined;
  /**
   * Whether a round was missed and the node sets the deadlines. Then it has ended the contract, unless it says
   * otherwise, and the current round has no deadline.
   */
  readonly isLapsed?: boolean | undefined;
  /** When the last round was settled. A listing that was requested earlier is out of date. */
  readonly settledAt?: Instant | undefined;
  /** The challenge of the last settled round, answered or not. Unset when a whole round has passed since. */
  readonly settled?: string | undefined;
  /** The outcome of the last round, if it is known. */
  readonly last?: Outcome | undefined;
  /**
   * When a lost or restored state was opened. The farmer may have answered rounds that began earlier, so their outcome
   * is unknown, unless the node lists their challenge as open.
   */
  readonly unknownUntil?: Instant | undefined;
  /** When this process last read the whole chunk and its hash matched. */
  readonly verifiedAt?: Instant | undefined;
}

/** The state of a contract in each phase. In all phases but `generating` an intact chunk is expected on disk. */
export interface ContractByPhase {
  /** The chunk is being generated, or rebuilt if `hadChunk`. */
  readonly generating: CommonState & {
    readonly phase: 'generating';
    readonly hadChunk: boolean;
    readonly challenge?: string | undefined;
  };
  /** No challenge is open. */
  readonly waiting: CommonState & { readonly phase: 'waiting' };
  /** A challenge is open and the chunk must be read. */
  readonly proving: CommonState & { readonly phase: 'proving'; readonly challenge: string };
  /** The response is known and must be delivered. `chunkLost`: the chunk was lost in the meantime. */
  readonly answering: CommonState & {
    readonly phase: 'answering';
    readonly challenge: string;
    readonly response: string;
    readonly chunkLost?: boolean | undefined;
  };
}

export const PHASES = ['generating', 'waiting', 'proving', 'answering'] as const;
export type Phase = (typeof PHASES)[number];

/** A contract in one of the given phases; by default in any phase. */
export type Contract<In extends Phase = Phase> = { [P in In]: ContractByPhase[P] }[In];

/** What is known about a round beside its contract, to find out why it failed. */
export interface RoundContext {
  /** Whether the node responded to the last request. */
  readonly nodeReachable: boolean;
  /** Since when this farmer has been running without interruption. */
  readonly runningSince: Instant;
}

export interface EventByType {
  readonly chunk_stored: { readonly type: 'chunk_stored' };
  /** The chunk is on a disk that works again. It has not been read since. */
  readonly chunk_found: { readonly type: 'chunk_found' };
  readonly chunk_lost: { readonly type: 'chunk_lost' };
  /** The whole chunk was read, independently of a challenge, and its hash matched. */
  readonly chunk_verified: { readonly type: 'chunk_verified' };
  /**
   * The node lists an open challenge.
   *
   * - `lastAbsentAt`: when the last listing without this challenge was requested
   * - `dueAt`: the deadline, if the node sets it
   */
  readonly challenged: RoundContext & {
    readonly type: 'challenged';
    readonly challenge: string;
    readonly askedAt: Instant;
    readonly lastAbsentAt?: Instant | undefined;
    readonly dueAt?: Instant | undefined;
  };
  /** The node says that the challenge with this deadline was answered. */
  readonly answered: RoundContext & {
    readonly type: 'answered';
    readonly dueAt: Instant;
    readonly askedAt: Instant;
  };
  /** A worker starts to read the chunk. */
  readonly reading: { readonly type: 'reading'; readonly challenge: string };
  /** The challenge can't be answered, whatever the chunk contains. */
  readonly unprovable: {
    readonly type: 'unprovable';
    readonly challenge: string;
    readonly cause: 'invalid_challenge' | 'no_tag';
  };
  readonly proved: { readonly type: 'proved'; readonly challenge: string; readonly response: string };
  /** The response is being sent to the node. */
  readonly sent: { readonly type: 'sent'; readonly challenge: string };
  readonly verdict: { readonly type: 'verdict'; readonly challenge: string; readonly passed: boolean };
  /** The node rejected the response, but a right one still passes. */
  readonly rejected: { readonly type: 'rejected'; readonly challenge: string };
  /** Time has passed. The round may be over. */
  readonly tick: RoundContext & { readonly type: 'tick' };
}

export type EventType = keyof EventByType;

/** Something that happens to a contract. */
export type ContractEvent<Of extends EventType = EventType> = { [T in Of]: EventByType[T] }[Of];

/** A new contract, which comes with its first challenge. */
export function acceptContract(terms: Terms, challenge: string, now: Instant): Contract<'generating'> {
  return {
    phase: 'generating',
    hadChunk: false,
    terms,
    round: { number: 0, issuedAt: terms.acceptedAt },
    timeline: { attempts: 0, receivedAt: now },
    challenge,
  };
}

/** A contract from the store. Its chunk counts as missing until a `chunk_found` event. */
export function restoreContract(
  stored: Pick<
    Contract<'generating'>,
    'terms' | 'round' | 'settled' | 'isLapsed' | 'hadChunk' | 'last' | 'unknownUntil'
  >,
): Contract<'generating'> {
  return { phase: 'generating', ...stored, timeline: EMPTY_TIMELINE };
}

/** Whether the node sets the deadline of each challenge. Otherwise it follows from the interval. */
export function isTimedByNode({ proof }: Terms): boolean {
  return proof !== 'digest';
}

/** Whether an answer was sent to a node that sets the deadlines, which will show whether the answer has passed. */
export function isVerdictPending({ phase, timeline, terms }: Contract): boolean {
  return phase === 'answering' && timeline.sentAt !== undefined && isTimedByNode(terms);
}

/** The deadline of the current round. A lapsed contract's round has none: this is an estimate. */
export function dueAt({ round, terms }: Contract): Instant {
  return round.issuedAt + terms.intervalMs;
}

/** The deadline of the contract's last challenge, if their number is limited. */
export function getLastDeadline(contract: Contract): Instant | undefined {
  const { terms, round } = contract;
  if (terms.challengeCount === undefined) return undefined;
  return dueAt(contract) + (terms.challengeCount - 1 - round.number) * terms.intervalMs;
}

/** The open challenge, if it is known. */
export function getOpenChallenge(contract: Contract): string | undefined {
  return contract.phase === 'waiting' ? undefined : contract.challenge;
}
