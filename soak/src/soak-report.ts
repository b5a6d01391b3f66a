import { FailureExplainer } from './failure-explainer.ts';
import { ALLOWANCE, PLAN } from './plan.ts';
import { findZeroCounts } from './proof.ts';
import type { SoakFarm } from './soak-farm.ts';
import type { Observed } from './soak-run.ts';

export interface SoakReport {
  readonly lines: readonly string[];
  /** What should not have been, in words: none, if all went well. */
  readonly broken: readonly string[];
}

/** Says what came of a run, and judges each failed challenge. */
export function createReport(farm: SoakFarm, { disturbances, harms, rounds, failed }: Observed): SoakReport {
  const judge = new FailureExplainer(ALLOWANCE, { disturbances, harms, acknowledged: farm.promises.ever });
  const judged = failed.map((round) => ({ ...round, excuse: judge.explain(round) }));
  const unexcused = judged.filter(({ excuse }) => excuse === undefined);
  const answerable = rounds.filter((round) => judge.explainMissing(round) === undefined).length;
  const { passed, wrong, unanswered } = farm.challenges;
  const firstAt = disturbances[0]?.from ?? 0;
  const seconds = (instant: number) => ((instant - firstAt) / 1000).toFixed(1);
  return {
    lines: [
      `challenges: ${passed + wrong + unanswered}, passed ${passed}, wrong ${wrong}, unanswered ${unanswered}`,
      `answerable: ${answerable} rounds were free of faults but for what is allowed; failed without an excuse: ${unexcused.length}`,
      `allowed: ${ALLOWANCE.settleMs} ms to settle after each fault, ${ALLOWANCE.disturbedMs} ms of a round of ${PLAN.intervalMs} ms disturbed, ${ALLOWANCE.repairMs} ms to make a chunk again`,
      `missed, in the farmer's words: ${words(farm.missedByReason)}`,
      `failed, by what was going on: ${words(tally(judged.map(({ excuse }) => excuse ?? 'nothing')))}`,
      `chunks damaged: ${words(tally(harms.map(({ damage }) => damage)))}; made again: ${harms.filter(({ repaired }) => repaired).length}`,
      `contracts acknowledged: ${farm.promises.ever.size}; restarts of the farmer: ${farm.restarts}`,
      `faults: ${words(tally(disturbances.slice(1).map(({ kind }) => kind)))}`,
    ],
    broken: [
      ...farm.broken,
      ...findZeroCounts({ 'rounds that could be answered': answerable, 'challenges passed': passed }),
      ...unexcused.map(
        ({ contract, from, until, result }) =>
          `${result === 'wrong' ? 'should not have been sent' : 'could have been answered'}: ${contract}, ${result}, round from ${seconds(from)} s to ${seconds(until)} s`,
      ),
      ...(unexcused.length === 0
        ? []
        : disturbances.map(({ kind, from, until }) => `  ${kind}: ${seconds(from)} s to ${seconds(until)} s`)),
    ],
  };
}

function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function words(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([word, count]) => `${word} ${count}`).join(', ') || 'none';
}
