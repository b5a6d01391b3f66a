import { BREAKS_CONTRACTS, DELAYS_ANSWERS, INVALIDATES_ANSWERS } from './plan.ts';
import type { FailedRound, Round } from './rounds.ts';

/** A fault, or a time in which the farmer was off. */
export interface Disturbance {
  readonly kind: string;
  readonly from: number;
  readonly until: number;
}

/** Harm done to a chunk. */
export interface Harm {
  readonly contract: string;
  readonly at: number;
}

export interface Circumstances {
  readonly disturbances: readonly Disturbance[];
  readonly harms: readonly Harm[];
  /** Contracts that the farmer said it had. One that it never heard of it can't answer for, but has to give back. */
  readonly acknowledged: ReadonlySet<string>;
}

export interface Allowance {
  readonly settleMs: number;
  readonly disturbedMs: number;
  readonly repairMs: number;
  readonly unknownContractRounds: number;
}

/** Judges challenges by what was going on in their rounds, and by nothing that the farmer says of itself. */
export class FailureExplainer {
  readonly #allowance: Allowance;
  readonly #circumstances: Circumstances;

  constructor(allowance: Allowance, circumstances: Circumstances) {
    this.#allowance = allowance;
    this.#circumstances = circumstances;
  }

  /** Why a challenge failed; undefined where there is no excuse for it. */
  explain(round: FailedRound): string | undefined {
    return round.result === 'wrong' ? this.#falsifying(round) : this.explainMissing(round);
  }

  /** Why a challenge could not be answered; undefined where it could. */
  explainMissing(round: Round): string | undefined {
    const { harms, acknowledged } = this.#circumstances;
    const { repairMs, unknownContractRounds } = this.#allowance;
    const disturbed = this.#disturbing(round);
    if (disturbed !== undefined) return disturbed;
    const { contract, number, from, until } = round;
    if (number < unknownContractRounds && !acknowledged.has(contract)) return 'the farmer never heard of the contract';
    const isHarmedLate = harms.some(
      (harm) => harm.contract === contract && harm.at >= from && harm.at < until && harm.at > until - repairMs,
    );
    return isHarmedLate ? 'chunk damaged too late' : undefined;
  }

  /** What may have made a right answer wrong. Whatever else is going on, a farmer sends none that is not right. */
  #falsifying({ from, until }: Round): string | undefined {
    const { settleMs } = this.#allowance;
    return this.#circumstances.disturbances.find(
      ({ kind, ...time }) =>
        (INVALIDATES_ANSWERS.has(kind) && time.from < until && time.until + settleMs > from) ||
        (DELAYS_ANSWERS.has(kind) && time.from < from && time.until > from),
    )?.kind;
  }

  /** What disturbed a round for longer than is allowed: all of it, in words. */
  #disturbing({ from, until }: Round): string | undefined {
    const { settleMs, disturbedMs } = this.#allowance;
    const within = this.#circumstances.disturbances
      .map(({ kind, ...time }) => ({
        kind,
        from: Math.max(from, time.from),
        until: Math.min(until, time.until + settleMs),
      }))
      .filter((time) => time.until > time.from);
    if (lengthOf(within) <= disturbedMs) return undefined;
    return [...new Set(within.map(({ kind }) => kind))].join(' and ');
  }
}

/** Whether a contract was taken while the node spoilt those that it gave: it is rightly given up. */
export function isFromBreakingFault(acceptedAt: number, disturbances: readonly Disturbance[]): boolean {
  return disturbances.some(
    ({ kind, from, until }) => BREAKS_CONTRACTS.has(kind) && acceptedAt >= from && acceptedAt <= until,
  );
}

/** How long some stretches of time are together, what they share counted once. */
function lengthOf(stretches: readonly { from: number; until: number }[]): number {
  let length = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { from, until } of [...stretches].sort((a, b) => a.from - b.from)) {
    length += Math.max(0, until - Math.max(from, end));
    end = Math.max(end, until);
  }
  return length;
}
