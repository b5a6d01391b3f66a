import { BREAKS_CONTRACTS, DELAYS_ANSWERS, INVALIDATES_ANSWERS } from './plan.ts';
import type { FailedRound, Round } from './rounds.ts';

/** A fault, or a period during which the farmer was not running. */
export interface Disturbance {
  readonly kind: string;
  readonly from: number;
  readonly until: number;
}

/** Deliberate damage to a chunk. */
export interface Damage {
  readonly contract: string;
  readonly at: number;
}

export interface Circumstances {
  readonly disturbances: readonly Disturbance[];
  readonly damages: readonly Damage[];
  /** Contracts that the farmer acknowledged. It cannot prove others, but must release them. */
  readonly acknowledged: ReadonlySet<string>;
}

export interface Tolerance {
  readonly settleMs: number;
  readonly disturbedMs: number;
  readonly repairMs: number;
  readonly unknownContractRounds: number;
}

/** Explains failed challenges by the faults during their rounds, not by what the farmer reports about itself. */
export class FailureExplainer {
  readonly #tolerance: Tolerance;
  readonly #circumstances: Circumstances;

  constructor(tolerance: Tolerance, circumstances: Circumstances) {
    this.#tolerance = tolerance;
    this.#circumstances = circumstances;
  }

  /** @returns why the challenge failed; undefined if nothing explains it */
  explain(round: FailedRound): string | undefined {
    return round.result === 'wrong' ? this.#explainWrong(round) : this.explainUnanswered(round);
  }

  /** @returns why a challenge could not be answered; undefined if it could */
  explainUnanswered(round: Round): string | undefined {
    const { damages, acknowledged } = this.#circumstances;
    const { repairMs, unknownContractRounds } = this.#tolerance;
    const disturbance = this.#findDisturbance(round);
    if (disturbance !== undefined) return disturbance;
    const { contract, number, from, until } = round;
    if (number < unknownContractRounds && !acknowledged.has(contract)) return 'contract unknown to the farmer';
    const isDamagedLate = damages.some(
      (damage) => damage.contract === contract && damage.at >= Math.max(from, until - repairMs) && damage.at < until,
    );
    return isDamagedLate ? 'chunk damaged too late' : undefined;
  }

  /** Only a few faults can turn a correct answer into a wrong one. */
  #explainWrong({ from, until }: Round): string | undefined {
    const { settleMs } = this.#tolerance;
    return this.#circumstances.disturbances.find(
      ({ kind, ...time }) =>
        (INVALIDATES_ANSWERS.has(kind) && time.from < until && time.until + settleMs > from) ||
        (DELAYS_ANSWERS.has(kind) && time.from < from && time.until > from),
    )?.kind;
  }

  /** @returns the kinds of disturbances, if they took more of the round than is tolerated */
  #findDisturbance({ from, until }: Round): string | undefined {
    const { settleMs, disturbedMs } = this.#tolerance;
    const overlaps = this.#circumstances.disturbances
      .map(({ kind, ...time }) => ({
        kind,
        from: Math.max(from, time.from),
        until: Math.min(until, time.until + settleMs),
      }))
      .filter((time) => time.until > time.from);
    if (computeCoveredMs(overlaps) <= disturbedMs) return undefined;
    return [...new Set(overlaps.map(({ kind }) => kind))].join(' and ');
  }
}

/** Whether a contract was accepted during a fault that makes contracts unprovable. The farmer may drop it. */
export function isFromBreakingFault(acceptedAt: number, disturbances: readonly Disturbance[]): boolean {
  return disturbances.some(
    ({ kind, from, until }) => BREAKS_CONTRACTS.has(kind) && acceptedAt >= from && acceptedAt <= until,
  );
}

/** The length of the union of intervals. */
function computeCoveredMs(intervals: readonly { from: number; until: number }[]): number {
  let coveredMs = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { from, until } of intervals.toSorted((a, b) => a.from - b.from)) {
    coveredMs += Math.max(0, until - Math.max(from, end));
    end = Math.max(end, until);
  }
  return coveredMs;
}
