import type { Instant } from '@downstream/platform';

/**
 * One challenge of a contract. Challenge n (from 0) is due one interval after it was issued, when challenge n + 1 is
 * issued. `issuedAt` estimates the node's time; each newly listed challenge corrects it, so that clock drift between
 * farmer and node does not move the deadlines.
 */
export interface Round {
  readonly number: number;
  readonly issuedAt: Instant;
}

/** How far our estimate of a round's start may be ahead of the node's. */
export const MAX_CLOCK_ERROR_MS = 2_000;

/** The round `count` rounds later. */
export function advanceRound(round: Round, intervalMs: number, count: number): Round {
  return { number: round.number + count, issuedAt: round.issuedAt + count * intervalMs };
}

/** How many rounds, starting with this one, are over: 0 while this one can still be answered. */
export function countElapsedRounds(round: Round, intervalMs: number, now: Instant): number {
  return Math.max(0, Math.floor((now - round.issuedAt) / intervalMs));
}

/** When a challenge reached each stage. Stages that it did not reach are unset. */
export interface Timeline {
  /** The node listed the challenge, or sent it with the contract. */
  readonly receivedAt?: Instant | undefined;
  /** The chunk was on disk and the challenge started to wait for a worker. */
  readonly queuedAt?: Instant | undefined;
  /** A worker started to read the chunk. */
  readonly readAt?: Instant | undefined;
  /** The chunk was read and its hash matched. */
  readonly hashedAt?: Instant | undefined;
  /** The answer was sent for the first time. */
  readonly sentAt?: Instant | undefined;
  /** The node returned its verdict. */
  readonly acknowledgedAt?: Instant | undefined;
  /** How often the answer was sent. */
  readonly attempts: number;
}

export const EMPTY_TIMELINE: Timeline = { attempts: 0 };
