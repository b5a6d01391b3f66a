import { capacityEstimate, hasCapacityForOneMore, type Load } from '../contract/admission.ts';

/** One measurement counts for so much of the mean when it is slower than that, and when it is faster. */
const SLOWER_WEIGHT = 0.1;
const FASTER_WEIGHT = 0.05;
/** Nothing takes less: a mean of nothing would promise everything. */
const MIN_MS = 0.05;

/**
 * How fast this farmer proves, measured on its own work: what it could read in time at most. Slow measurements count more than fast
 * ones: a chunk that was just written comes from memory, and one of ten thousand does not.
 */
export class ThroughputEstimator {
  readonly workers: number;
  readonly #load: () => Load;
  #proofMs: number | undefined;

  /** @param load of all nodes' contracts, which share the workers */
  constructor({ workers }: { workers: number }, load: () => Load) {
    this.workers = workers;
    this.#load = load;
  }

  /** What a worker takes for a proof, in milliseconds; undefined before the first. */
  get proofMs(): number | undefined {
    return this.#proofMs;
  }

  /** At how many contracts the workers would begin to miss, whatever the nodes take; undefined while nothing was measured. */
  get capacityEstimate(): number | undefined {
    return provable(this.#load(), this, NO_ANSWERS);
  }

  get hasCapacity(): boolean {
    return hasCapacityForOneMore(this.capacityEstimate, this.#load().contracts);
  }

  proved(ms: number): void {
    this.#proofMs = this.#proofMs === undefined ? Math.max(MIN_MS, ms) : blend(this.#proofMs, ms);
  }
}

/** How fast one node acknowledges answers, and so how many of its contracts could be proved in time. */
export class NodeThroughput {
  readonly #answerConcurrency: number;
  readonly #pace: ThroughputEstimator;
  readonly #load: () => Load;
  #answerMs = MIN_MS;

  /** @param load of this node's contracts */
  constructor(
    { answerConcurrency }: { answerConcurrency: number },
    { pace, load }: { pace: ThroughputEstimator; load: () => Load },
  ) {
    this.#answerConcurrency = answerConcurrency;
    this.#pace = pace;
    this.#load = load;
  }

  /** What the node takes to acknowledge an answer, in milliseconds. */
  get answerMs(): number {
    return this.#answerMs;
  }

  /** At how many contracts of this node it would begin to miss; undefined while nothing was measured, or nothing is held. */
  get capacityEstimate(): number | undefined {
    return provable(this.#load(), this.#pace, { answerMs: this.#answerMs, answerConcurrency: this.#answerConcurrency });
  }

  /** Whether one more contract of this node can be proved in time, with a margin, beside those of all nodes. */
  get hasCapacity(): boolean {
    return this.#pace.hasCapacity && hasCapacityForOneMore(this.capacityEstimate, this.#load().contracts);
  }

  answered(ms: number): void {
    this.#answerMs = blend(this.#answerMs, ms);
  }
}

const NO_ANSWERS = { answerMs: 0, answerConcurrency: 1 };

function provable(
  load: Load,
  { proofMs, workers }: Pick<ThroughputEstimator, 'proofMs' | 'workers'>,
  answers: typeof NO_ANSWERS,
): number | undefined {
  return proofMs === undefined ? undefined : capacityEstimate(load, { proofMs, workers, ...answers });
}

function blend(mean: number, ms: number): number {
  const weight = ms > mean ? SLOWER_WEIGHT : FASTER_WEIGHT;
  return Math.max(MIN_MS, mean + weight * (ms - mean));
}
