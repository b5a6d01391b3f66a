import { estimateCapacity, hasCapacityForOneMore, type Load, type Speed } from '../contract/admission.ts';

/** The weight of one measurement in the moving average, if it is above or below the average. */
const SLOWER_WEIGHT = 0.1;
const FASTER_WEIGHT = 0.05;
/** Lower bound of the averages: an average of 0 would mean infinite capacity. */
const MIN_MS = 0.05;

/** How fast a node acknowledges answers. */
type AnswerSpeed = Pick<Speed, 'answerMs' | 'answerConcurrency'>;
const INSTANT_ANSWERS: AnswerSpeed = { answerMs: 0, answerConcurrency: 1 };

interface LoadSource {
  readonly load: Load;
}

/**
 * Estimates from measured proofs how many contracts the workers can prove in time. Slow measurements weigh more than
 * fast ones: a chunk that was just written is read from memory, one of ten thousand is not.
 */
export class ThroughputEstimator {
  readonly #workers: number;
  readonly #contracts: LoadSource;
  #proofMs: number | undefined;

  /** @param contracts of all nodes, which share the workers */
  constructor({ workers }: { workers: number }, contracts: LoadSource) {
    this.#workers = workers;
    this.#contracts = contracts;
  }

  /** The average duration of a proof; undefined before the first. */
  get proofMs(): number | undefined {
    return this.#proofMs;
  }

  /** The number of contracts at which the workers start to miss deadlines; undefined before the first proof. */
  get capacityEstimate(): number | undefined {
    return this.estimateCapacity(this.#contracts.load, INSTANT_ANSWERS);
  }

  get hasCapacity(): boolean {
    return hasCapacityForOneMore(this.capacityEstimate, this.#contracts.load.contracts);
  }

  /** @returns undefined before the first proof, or without contracts */
  estimateCapacity(load: Load, answers: AnswerSpeed): number | undefined {
    if (this.#proofMs === undefined) return undefined;
    return estimateCapacity(load, { proofMs: this.#proofMs, workers: this.#workers, ...answers });
  }

  recordProof(ms: number): void {
    this.#proofMs = this.#proofMs === undefined ? Math.max(MIN_MS, ms) : updateAverage(this.#proofMs, ms);
  }
}

/** Estimates how many contracts of one node can be proved in time, from how fast it acknowledges answers. */
export class NodeThroughput {
  readonly #answerConcurrency: number;
  readonly #shared: ThroughputEstimator;
  readonly #contracts: LoadSource;
  #answerMs = MIN_MS;

  /** @param contracts of this node */
  constructor(
    { answerConcurrency }: { answerConcurrency: number },
    { throughput, contracts }: { throughput: ThroughputEstimator; contracts: LoadSource },
  ) {
    this.#answerConcurrency = answerConcurrency;
    this.#shared = throughput;
    this.#contracts = contracts;
  }

  /** The average time until the node acknowledges an answer. */
  get answerMs(): number {
    return this.#answerMs;
  }

  /** The number of this node's contracts at which deadlines are missed; undefined without contracts or proofs. */
  get capacityEstimate(): number | undefined {
    const answers = { answerMs: this.#answerMs, answerConcurrency: this.#answerConcurrency };
    return this.#shared.estimateCapacity(this.#contracts.load, answers);
  }

  /** Whether one more contract of this node can be proved in time, with a margin, beside those of all nodes. */
  get hasCapacity(): boolean {
    return this.#shared.hasCapacity && hasCapacityForOneMore(this.capacityEstimate, this.#contracts.load.contracts);
  }

  recordAnswer(ms: number): void {
    this.#answerMs = updateAverage(this.#answerMs, ms);
  }
}

function updateAverage(average: number, ms: number): number {
  const weight = ms > average ? SLOWER_WEIGHT : FASTER_WEIGHT;
  return Math.max(MIN_MS, average + weight * (ms - average));
}
