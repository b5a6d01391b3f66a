import type { Instant } from '@downstream/platform';
import type { JournalEntry, Timeline } from './journal-entry.ts';
import type { Round } from './round.ts';

/** Names a contract and its chunk's file: 64 hex characters, checked where it came in. */
export type ContractId = string;

/** Where a chunk's bytes come from. */
export type ChunkSource =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'url'; readonly url: string };

/** What was agreed with the node and never changes. */
export interface Terms {
  readonly id: ContractId;
  readonly source: ChunkSource;
  readonly intervalMs: number;
  /** When the contract was asked for: never later than the node's own start of it. */
  readonly acceptedAt: Instant;
}

/** Every way in which a challenge fails; each is a label of `farmer_challenges_failed_total`. */
export const FAILURE_REASONS = [
  'wrong_answer',
  'late',
  'missed',
  'not_challenged',
  'chunk_unreadable',
  'node_error',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** What has stood in the way of this round's answer so far: the reason, should its time run out. */
type Obstacle = 'chunk_unreadable';

export const EMPTY_TIMELINE: Timeline = { attempts: 0 };

interface Held {
  readonly terms: Terms;
  readonly round: Round;
  /** What happened to this round's challenge so far. */
  readonly timeline: Timeline;
  readonly obstacle?: Obstacle | undefined;
  /** When the last round was settled; a listing that the node made before that is out of date. */
  readonly settledAt?: Instant | undefined;
  /** The challenge that the last round ended with, answered or not, unless a whole round went by since. */
  readonly settled?: string | undefined;
  /** How the last round came out, where this process saw it. */
  readonly last?: 'passed' | FailureReason | undefined;
  /** When the chunk was last read whole, and was what it should be; where this process saw it. */
  readonly verifiedAt?: Instant | undefined;
}

/** What a contract is in each phase. There is a sound chunk on disk, as far as is known, in all but `generating`. */
export interface ContractByPhase {
  /** The chunk is being made; `again`: it was there before. */
  readonly generating: Held & {
    readonly phase: 'generating';
    readonly again: boolean;
    readonly challenge?: string | undefined;
  };
  /** Nothing is asked; the node's next challenge is awaited. */
  readonly waiting: Held & { readonly phase: 'waiting' };
  /** A challenge is open: the chunk is to be read and hashed. */
  readonly proving: Held & { readonly phase: 'proving'; readonly challenge: string };
  /** The response is known: it is to be delivered. `chunkLost`: the chunk went away since. */
  readonly answering: Held & {
    readonly phase: 'answering';
    readonly challenge: string;
    readonly response: string;
    readonly chunkLost?: boolean | undefined;
  };
}

export const PHASES = ['generating', 'waiting', 'proving', 'answering'] as const;
export type Phase = (typeof PHASES)[number];

/** A contract in one of these phases; in any, if none is named: by what it waits for. */
export type Contract<In extends Phase = Phase> = { [P in In]: ContractByPhase[P] }[In];

/** What can be known of a time that is over. */
export interface RoundContext {
  /** Whether the node answered when it was asked. */
  readonly nodeReachable: boolean;
  /** Since when this farmer has been at it without a break. */
  readonly runningSince: Instant;
}

/** What can happen to a contract, by its type. */
export interface EventByType {
  readonly chunk_stored: { readonly type: 'chunk_stored' };
  /** The chunk is where it was, on a disk that came back; nobody has read it since. */
  readonly chunk_found: { readonly type: 'chunk_found' };
  readonly chunk_lost: { readonly type: 'chunk_lost' };
  /** The chunk was read whole, beside any challenge, and is what it should be. */
  readonly chunk_verified: { readonly type: 'chunk_verified' };
  /** The node lists an open challenge. `notListedAt`: when it was last asked and did not list this one. */
  readonly challenged: RoundContext & {
    readonly type: 'challenged';
    readonly challenge: string;
    readonly askedAt: Instant;
    readonly notListedAt?: Instant | undefined;
  };
  /** A worker takes the challenge up. */
  readonly reading: { readonly type: 'reading'; readonly challenge: string };
  readonly proved: { readonly type: 'proved'; readonly challenge: string; readonly response: string };
  /** The response goes to the node. */
  readonly sent: { readonly type: 'sent'; readonly challenge: string };
  readonly verdict: { readonly type: 'verdict'; readonly challenge: string; readonly passed: boolean };
  /** Time has come to look whether the round is over. */
  readonly tick: RoundContext & { readonly type: 'tick' };
}

export const EVENT_TYPES = [
  'chunk_stored',
  'chunk_found',
  'chunk_lost',
  'chunk_verified',
  'challenged',
  'reading',
  'proved',
  'sent',
  'verdict',
  'tick',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What can happen to a contract. */
export type ContractEvent<Of extends EventType = EventType> = { [T in Of]: EventByType[T] }[Of];

/** How one round came out, or several in a row. */
export interface Settlement {
  readonly entry: JournalEntry;
  /** What was left before the deadline at the node's verdict, where there was one; negative is late. */
  readonly slackMs?: number | undefined;
}

export interface Step {
  readonly contract: Contract;
  readonly settlement?: Settlement | undefined;
}

/** A contract as it is taken at `now`: its first challenge came with it. */
export function take(terms: Terms, challenge: string, now: Instant): Contract<'generating'> {
  return {
    phase: 'generating',
    again: false,
    terms,
    round: { number: 0, issuedAt: terms.acceptedAt },
    timeline: { attempts: 0, receivedAt: now },
    challenge,
  };
}

/** A contract that an earlier process held. @param chunk whether its file is there, was there before, or never was */
export function resume(
  { terms, round, settled }: Pick<Contract, 'terms' | 'round' | 'settled'>,
  chunk: 'there' | 'lost' | 'never',
): Contract {
  const held = { terms, round, settled, timeline: EMPTY_TIMELINE };
  return chunk === 'there' ? { phase: 'waiting', ...held } : { phase: 'generating', again: chunk === 'lost', ...held };
}

/** When the round that the contract is in must have been answered. */
export function dueAt({ round, terms }: Contract): Instant {
  return round.issuedAt + terms.intervalMs;
}

/** The challenge that is open, where it is known. */
export function getOpenChallenge(contract: Contract): string | undefined {
  return contract.phase === 'waiting' ? undefined : contract.challenge;
}
