import type { Instant } from '@downstream/platform';

/**
 * One challenge of a contract: number n (from 0) is issued at its start and due one interval later, when number n + 1
 * is issued. The start is our reckoning of the node's clock; every newly listed challenge corrects it, so that clocks
 * which drift apart over months don't shift the deadlines.
 */
export interface Round {
  readonly number: number;
  readonly issuedAt: Instant;
}

/** The round `count` rounds later. */
export function advanceRound(round: Round, intervalMs: number, count: number): Round {
  return { number: round.number + count, issuedAt: round.issuedAt + count * intervalMs };
}

/** How many rounds, from this one on, are over at `now`: 0 while this one can still be answered. */
export function countElapsedRounds(round: Round, intervalMs: number, now: Instant): number {
  return Math.max(0, Math.floor((now - round.issuedAt) / intervalMs));
}
