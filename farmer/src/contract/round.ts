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

/** The round `count` rounds later. */
export function advanceRound(round: Round, intervalMs: number, count: number): Round {
  return { number: round.number + count, issuedAt: round.issuedAt + count * intervalMs };
}

/** How many rounds, starting with this one, are over: 0 while this one can still be answered. */
export function countElapsedRounds(round: Round, intervalMs: number, now: Instant): number {
  return Math.max(0, Math.floor((now - round.issuedAt) / intervalMs));
}
