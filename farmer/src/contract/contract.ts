import type { Instant } from '@downstream/platform';
import { type Round, roundAfter, roundsOver } from './round.ts';

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
  readonly takenAt: Instant;
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
type Obstacle = 'chunk_unreadable' | 'node_error';

interface Held {
  readonly terms: Terms;
  readonly round: Round;
  readonly obstacle?: Obstacle | undefined;
  /** When the last round was settled; a listing that the node made before that is out of date. */
  readonly settledAt?: Instant | undefined;
  /** The challenge that the last verdict was about. */
  readonly settled?: string | undefined;
  /** How the last round came out, where this process saw it. */
  readonly last?: 'passed' | FailureReason | undefined;
}

/**
 * A contract, by what it waits for. There is a sound chunk on disk, as far as is known, in every phase but `generating`.
 */
export type Contract =
  /** The chunk is being made, or made again. */
  | (Held & { readonly phase: 'generating'; readonly challenge?: string | undefined })
  /** Nothing is asked; the node's next challenge is awaited. */
  | (Held & { readonly phase: 'waiting' })
  /** A challenge is open: the chunk is to be read and hashed. */
  | (Held & { readonly phase: 'proving'; readonly challenge: string })
  /** The response is known: it is to be delivered. */
  | (Held & { readonly phase: 'answering'; readonly challenge: string; readonly response: string });

export const PHASES = ['generating', 'waiting', 'proving', 'answering'] as const;
export type Phase = Contract['phase'];

/** What can happen to a contract. */
export type ContractEvent =
  | { readonly type: 'chunk_stored' }
  | { readonly type: 'chunk_lost' }
  /** The node lists an open challenge. `notListedAt`: when it was last asked and did not list this one. */
  | {
      readonly type: 'challenged';
      readonly challenge: string;
      readonly askedAt: Instant;
      readonly notListedAt?: Instant | undefined;
      /** Whether the node answered until this listing was there. */
      readonly nodeReachable: boolean;
    }
  | { readonly type: 'proved'; readonly challenge: string; readonly response: string }
  | { readonly type: 'verdict'; readonly challenge: string; readonly passed: boolean }
  /** The response goes to the node: until the verdict is there, it is the node that stands in the way. */
  | { readonly type: 'sent'; readonly challenge: string }
  /** Time has come to look whether the round is over. */
  | { readonly type: 'tick'; readonly nodeReachable: boolean };

/** How rounds came out. */
export type Settlement =
  | { readonly result: 'passed'; readonly slackMs: number }
  | { readonly result: 'failed'; readonly reason: FailureReason; readonly count: number; readonly slackMs?: number };

export interface Step {
  readonly contract: Contract;
  readonly settlement?: Settlement;
}

/** A contract as it is taken: its first challenge came with it. */
export function take(terms: Terms, challenge: string): Contract {
  return { phase: 'generating', terms, round: { number: 0, issuedAt: terms.takenAt }, challenge };
}

/** When the round that the contract is in must have been answered. */
export function dueAt({ round, terms }: Contract): Instant {
  return round.issuedAt + terms.intervalMs;
}

/**
 * What a contract becomes when something happens to it at `now`. Pure: the same arguments give the same step.
 * An event that does not fit the phase (a proof for a challenge that is over, say) changes nothing.
 */
export function advance(contract: Contract, event: ContractEvent, now: Instant): Step {
  switch (event.type) {
    case 'chunk_stored':
      return { contract: contract.phase === 'generating' ? withChunk(contract) : contract };
    case 'chunk_lost':
      return { contract: withoutChunk(contract) };
    case 'challenged':
      return challenged(contract, event, now);
    case 'proved':
      if (contract.phase !== 'proving' || contract.challenge !== event.challenge) return { contract };
      return { contract: { ...contract, phase: 'answering', response: event.response } };
    case 'verdict':
      if (contract.phase !== 'answering' || contract.challenge !== event.challenge) return { contract };
      return judged(contract, event.passed, now);
    case 'sent':
      if (contract.phase !== 'answering' || contract.challenge !== event.challenge) return { contract };
      return { contract: { ...contract, obstacle: 'node_error' } };
    case 'tick':
      return expired(contract, event.nodeReachable, now);
  }
}

function withChunk(contract: Contract & { phase: 'generating' }): Contract {
  const { challenge, ...held } = contract;
  return challenge === undefined ? { ...held, phase: 'waiting' } : { ...held, phase: 'proving', challenge };
}

/** A response already made still counts, so an answer under way is delivered before the chunk is looked after. */
function withoutChunk(contract: Contract): Contract {
  switch (contract.phase) {
    case 'waiting':
    case 'proving':
      return { ...contract, phase: 'generating', obstacle: 'chunk_unreadable' };
    case 'generating':
      return { ...contract, obstacle: 'chunk_unreadable' };
    case 'answering':
      return contract;
  }
}

function challenged(contract: Contract, event: ContractEvent & { type: 'challenged' }, now: Instant): Step {
  if (contract.settledAt !== undefined && event.askedAt <= contract.settledAt) return { contract };
  const { challenge, askedAt, notListedAt, nodeReachable } = event;
  const open = contract.phase === 'waiting' ? undefined : contract.challenge;
  if (open === challenge) return { contract };
  if (isAmbiguous(contract, notListedAt, now) || isSettled(contract, event)) return { contract };
  // A challenge that replaces one not yet answered: the node has begun the next round, whatever our clock says.
  const past = roundsOver(contract.round, contract.terms.intervalMs, now) || (open === undefined ? 0 : 1);
  const settlement = past === 0 ? undefined : failed(contract, nodeReachable, past);
  const current = settlement === undefined ? contract : next(contract, past, settlement, now);
  // A listing that was so long on its way that a round ended meanwhile: proved now, its challenge would be the wrong one.
  const { intervalMs } = contract.terms;
  if (roundsOver(contract.round, intervalMs, askedAt) < roundsOver(contract.round, intervalMs, now))
    return { contract: current, ...(settlement && { settlement }) };
  const unlisted = isNewerThan(notListedAt, contract.settledAt) ? notListedAt : undefined;
  const round = { ...current.round, issuedAt: clamp(current.round.issuedAt, unlisted, now) };
  const step: Contract =
    current.phase === 'generating'
      ? { ...current, round, challenge }
      : { ...current, phase: 'proving', round, challenge };
  return { contract: step, ...(settlement !== undefined && { settlement }) };
}

function judged(contract: Contract & { phase: 'answering' }, passed: boolean, now: Instant): Step {
  const slackMs = dueAt(contract) - now;
  const settlement: Settlement = passed
    ? { result: 'passed', slackMs }
    : { result: 'failed', reason: slackMs < 0 ? 'late' : 'wrong_answer', count: 1, slackMs };
  return { contract: { ...next(contract, 1, settlement, now), settled: contract.challenge }, settlement };
}

function expired(contract: Contract, nodeReachable: boolean, now: Instant): Step {
  const count = roundsOver(contract.round, contract.terms.intervalMs, now);
  if (count === 0) return { contract };
  const settlement = failed(contract, nodeReachable, count);
  return { contract: next(contract, count, settlement, now), settlement };
}

function failed(contract: Contract, nodeReachable: boolean, count: number): Settlement & { result: 'failed' } {
  return { result: 'failed', reason: contract.obstacle ?? (nodeReachable ? 'missed' : 'node_error'), count };
}

/** The contract `rounds` later, with nothing asked yet. A missing chunk stays missing, and stays an obstacle. */
function next(contract: Contract, rounds: number, settlement: Settlement, now: Instant): Contract {
  const { terms } = contract;
  const round = roundAfter(contract.round, terms.intervalMs, rounds);
  const last = settlement.result === 'passed' ? 'passed' : settlement.reason;
  if (contract.phase !== 'generating') return { phase: 'waiting', terms, round, settledAt: now, last };
  return { phase: 'generating', terms, round, settledAt: now, last, obstacle: contract.obstacle };
}

/** How far our reckoning of a round's start may be before the node's. */
const UNCERTAINTY_MS = 2_000;

/**
 * Just after a round began by our reckoning, a challenge that was not seen to appear (after a restart, or an outage) may
 * still be the one before: answered a moment too late it would be a wrong answer to the next. The next listing will tell.
 */
function isAmbiguous({ phase, round, terms }: Contract, notListedAt: Instant | undefined, now: Instant): boolean {
  if (phase !== 'waiting' || notListedAt !== undefined || round.number === 0) return false;
  const into = (now - round.issuedAt) % terms.intervalMs;
  return into >= 0 && into < Math.min(UNCERTAINTY_MS, terms.intervalMs / 4);
}

/**
 * Nodes may list a challenge that has had its verdict. Answered again it would count twice, or for the next round; it is
 * a new one only where it went away meanwhile and the next round has begun.
 */
function isSettled({ settled, settledAt, round }: Contract, event: ContractEvent & { type: 'challenged' }): boolean {
  const { challenge, askedAt, notListedAt } = event;
  return challenge === settled && (askedAt < round.issuedAt || !isNewerThan(notListedAt, settledAt));
}

function isNewerThan(instant: Instant | undefined, other: Instant | undefined): boolean {
  return instant !== undefined && (other === undefined || instant > other);
}

function clamp(value: number, low: number | undefined, high: number): number {
  return Math.min(Math.max(value, low ?? value), high);
}
