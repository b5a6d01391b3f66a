/** The work that the contracts cause. */
export interface Load {
  readonly contracts: number;
  /** Challenges per millisecond: the sum of 1 / interval over all contracts. */
  readonly challengesPerMs: number;
}

/** How fast challenges are answered, as measured. */
export interface Speed {
  /** How long a worker takes to read and hash a chunk. */
  readonly proofMs: number;
  readonly workers: number;
  /** How long the node takes to acknowledge an answer. */
  readonly answerMs: number;
  readonly answerConcurrency: number;
}

/** The share of an interval after which a listing shows the challenge at the latest. */
const MAX_LISTING_DELAY = 0.1;

/** Contracts are accepted up to this share of the capacity estimate. */
const MAX_UTILIZATION = 0.7;

/**
 * Estimates how many contracts can be proved in time if their intervals are like those of the contracts held. All
 * challenges of an interval may be issued at once. They must be read and delivered in the rest of it.
 *
 * @returns undefined without contracts, since their intervals are unknown
 */
export function estimateCapacity({ contracts, challengesPerMs }: Load, speed: Speed): number | undefined {
  if (contracts === 0 || challengesPerMs === 0) return undefined;
  const { proofMs, workers, answerMs, answerConcurrency } = speed;
  const intervalMs = contracts / challengesPerMs;
  const usableMs = Math.max(0, intervalMs * (1 - MAX_LISTING_DELAY) - proofMs - answerMs);
  return Math.floor(usableMs * Math.min(workers / proofMs, answerConcurrency / answerMs));
}

/** Whether one more contract can be proved in time, with a margin. */
export function hasCapacityForOneMore(capacityEstimate: number | undefined, contracts: number): boolean {
  return capacityEstimate === undefined || contracts + 1 <= MAX_UTILIZATION * capacityEstimate;
}
