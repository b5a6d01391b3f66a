import { admits, type Load, provableContracts } from '../contract/admission.ts';

/** One measurement counts for so much of the mean when it is slower than that, and when it is faster. */
const SLOWER_WEIGHT = 0.1;
const FASTER_WEIGHT = 0.05;
/** Nothing takes less: a mean of nothing would promise everything. */
const LEAST_MS = 0.05;

/**
 * How fast this farmer proves, measured on its own work: what it could read in time at most. Slow measurements count more than fast
 * ones: a chunk that was just written comes from memory, and one of ten thousand does not.
 */
export class Pace {
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
  get provableContracts(): number | undefined {
    return provable(this.#load(), this, NO_ANSWERS);
  }

  get admitsMore(): boolean {
    return admits(this.provableContracts, this.#load().contracts);
  }

  proved(ms: number): void {
    this.#proofMs = this.#proofMs === undefined ? Math.max(LEAST_MS, ms) : blend(this.#proofMs, ms);
  }
}

/** How fast one node acknowledges answers, and so how many of its contracts could be proved in time. */
export class NodePace {
  readonly #answersAtOnce: number;
  readonly #pace: Pace;
  readonly #load: () => Load;
  #answerMs = LEAST_MS;

  /** @param load of this node's contracts */
  constructor({ answersAtOnce }: { answersAtOnce: number }, { pace, load }: { pace: Pace; load: () => Load }) {
    this.#answersAtOnce = answersAtOnce;
    this.#pace = pace;
    this.#load = load;
  }

  /** What the node takes to acknowledge an answer, in milliseconds. */
  get answerMs(): number {
    return this.#answerMs;
  }

  /** At how many contracts of this node it would begin to miss; undefined while nothing was measured, or nothing is held. */
  get provableContracts(): number | undefined {
    return provable(this.#load(), this.#pace, { answerMs: this.#answerMs, answersAtOnce: this.#answersAtOnce });
  }

  /** Whether one more contract of this node can be proved in time, with a margin, beside those of all nodes. */
  get admitsMore(): boolean {
    return this.#pace.admitsMore && admits(this.provableContracts, this.#load().contracts);
  }

  answered(ms: number): void {
    this.#answerMs = blend(this.#answerMs, ms);
  }
}

const NO_ANSWERS = { answerMs: 0, answersAtOnce: 1 };

function provable(
  load: Load,
  { proofMs, workers }: Pick<Pace, 'proofMs' | 'workers'>,
  answers: typeof NO_ANSWERS,
): number | undefined {
  return proofMs === undefined ? undefined : provableContracts(load, { proofMs, workers, ...answers });
}

function blend(mean: number, ms: number): number {
  const weight = ms > mean ? SLOWER_WEIGHT : FASTER_WEIGHT;
  return Math.max(LEAST_MS, mean + weight * (ms - mean));
}
