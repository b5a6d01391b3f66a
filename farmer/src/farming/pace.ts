import { admits, type Load, provableContracts } from '../contract/admission.ts';

/** One measurement counts for so much of the mean when it is slower than that, and when it is faster. */
const SLOWER_WEIGHT = 0.1;
const FASTER_WEIGHT = 0.05;
/** Nothing takes less: a mean of nothing would promise everything. */
const LEAST_MS = 0.05;

/**
 * How fast this farmer proves, measured on its own work: what it could answer in time at most, and whether to take on more. Slow
 * measurements count more than fast ones: a chunk that was just written comes from memory, and one of ten thousand does not.
 */
export class Pace {
  readonly #workers: number;
  readonly #answersAtOnce: number;
  readonly #load: () => Load;
  #proofMs: number | undefined;
  #answerMs = LEAST_MS;

  constructor({ workers, answersAtOnce }: { workers: number; answersAtOnce: number }, load: () => Load) {
    this.#workers = workers;
    this.#answersAtOnce = answersAtOnce;
    this.#load = load;
  }

  /** What a worker takes for a proof, in milliseconds; undefined before the first. */
  get proofMs(): number | undefined {
    return this.#proofMs;
  }

  /** What the node takes to acknowledge an answer, in milliseconds. */
  get answerMs(): number {
    return this.#answerMs;
  }

  /** At how many contracts it would begin to miss; undefined while nothing was measured. */
  get provableContracts(): number | undefined {
    if (this.#proofMs === undefined) return undefined;
    return provableContracts(this.#load(), {
      proofMs: this.#proofMs,
      workers: this.#workers,
      answerMs: this.#answerMs,
      answersAtOnce: this.#answersAtOnce,
    });
  }

  /** Whether one more contract can be proved in time, with a margin. */
  get admitsMore(): boolean {
    return admits(this.provableContracts, this.#load().contracts);
  }

  proved(ms: number): void {
    this.#proofMs = this.#proofMs === undefined ? Math.max(LEAST_MS, ms) : blend(this.#proofMs, ms);
  }

  answered(ms: number): void {
    this.#answerMs = blend(this.#answerMs, ms);
  }
}

function blend(mean: number, ms: number): number {
  const weight = ms > mean ? SLOWER_WEIGHT : FASTER_WEIGHT;
  return Math.max(LEAST_MS, mean + weight * (ms - mean));
}
