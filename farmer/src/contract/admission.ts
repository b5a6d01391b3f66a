/** What is held, as the work that it makes. */
export interface Load {
  readonly contracts: number;
  /** Challenges in a millisecond: the sum of 1 / interval over all contracts. */
  readonly challengesPerMs: number;
}

/** How fast challenges are answered, as it was measured. */
export interface Speed {
  /** What a worker takes to read and hash a chunk, in milliseconds. */
  readonly proofMs: number;
  readonly workers: number;
  /** What the node takes to acknowledge an answer, in milliseconds. */
  readonly answerMs: number;
  readonly answerConcurrency: number;
}

/** The part of an interval that goes by, at worst, until a listing shows the challenge. */
const MAX_LISTING_DELAY = 0.1;

/** So much of what could just be proved in time is taken on. */
const MARGIN = 0.7;

/**
 * At how many contracts, with intervals like those held, answers would begin to come late: all challenges of an interval can be there at
 * once, and must be read and delivered in what is left of it.
 *
 * @returns undefined where nothing is held, whose intervals would say
 */
export function capacityEstimate({ contracts, challengesPerMs }: Load, speed: Speed): number | undefined {
  if (contracts === 0 || challengesPerMs === 0) return undefined;
  const { proofMs, workers, answerMs, answerConcurrency } = speed;
  const intervalMs = contracts / challengesPerMs;
  const usableMs = Math.max(0, intervalMs * (1 - MAX_LISTING_DELAY) - proofMs - answerMs);
  return Math.floor(usableMs * Math.min(workers / proofMs, answerConcurrency / answerMs));
}

/** Whether one more contract can be proved in time with a margin. @param provable of {@link capacityEstimate} */
export function hasCapacityForOneMore(provable: number | undefined, contracts: number): boolean {
  return provable === undefined || contracts + 1 <= MARGIN * provable;
}
