import { findZeroCounts } from './checks.ts';
import { FailureExplainer } from './failure-explainer.ts';
import { PLAN, TOLERANCE } from './plan.ts';
import { findGrowth, toMebibytes } from './resource-usage.ts';
import type { SoakFarm } from './soak-farm.ts';
import type { Observations } from './soak-run.ts';

export interface SoakReport {
  readonly lines: readonly string[];
  /** A sentence for each failed check. */
  readonly violations: readonly string[];
}

/** Summarizes a run and looks for failed challenges that no fault explains. */
export function createReport(farm: SoakFarm, observations: Observations): SoakReport {
  const { disturbances, damages, rounds, failed, resources, endedAt } = observations;
  const acknowledged = farm.acknowledged.all;
  const explainer = new FailureExplainer(TOLERANCE, { disturbances, damages, acknowledged });
  const explained = failed.map((round) => ({ ...round, reason: explainer.explain(round) }));
  const unexplained = explained.filter(({ reason }) => reason === undefined);
  const answerable = rounds.filter((round) => explainer.explainUnanswered(round) === undefined).length;
  const { passed, wrong, unanswered } = farm.challenges;
  const { settleMs, disturbedMs, repairMs } = TOLERANCE;
  const { node, farmer } = farm.counts.totals;
  const memory = resources.map(({ memoryBytes }) => toMebibytes(memoryBytes));
  const files = resources.map(({ openFiles }) => openFiles);
  const startedAt = disturbances[0]?.from ?? 0;
  const toSeconds = (instant: number) => ((instant - startedAt) / 1000).toFixed(1);
  return {
    lines: [
      `challenges: ${passed + wrong + unanswered}, passed ${passed}, wrong ${wrong}, unanswered ${unanswered}`,
      `answerable rounds: ${answerable}; failed without a reason: ${unexplained.length}`,
      `tolerated: ${settleMs} ms to recover after a fault, ${disturbedMs} of ${PLAN.intervalMs} ms of a round disturbed, ${repairMs} ms to rebuild a chunk`,
      `failures by the farmer's reason: ${formatCounts(farm.failuresByReason)}`,
      `failures by disturbance: ${formatCounts(count(explained.map(({ reason }) => reason ?? 'none')))}`,
      `chunks damaged: ${formatCounts(count(damages.map(({ kind }) => kind)))}; repaired: ${damages.filter(({ isRepaired }) => isRepaired).length}`,
      `contracts acknowledged: ${acknowledged.size}, completed: ${farm.completed}; restarts of the farmer: ${farm.restarts}`,
      `passed challenges counted: ${node} by the node, ${farmer} by the farmer`,
      `farmer: memory ${formatRange(memory)} MiB, open files ${formatRange(files)} (${resources.length} samples)`,
      `faults: ${formatCounts(count(disturbances.slice(1).map(({ kind }) => kind)))}`,
    ],
    violations: [
      ...farm.violations,
      ...farm.counts.findDifferences(disturbances, { ...TOLERANCE, until: endedAt }),
      ...findGrowth(resources),
      ...findZeroCounts({ 'answerable rounds': answerable, 'challenges passed': passed }),
      ...unexplained.map(
        ({ contract, from, until, result }) =>
          `no reason for this failure: contract ${contract}, ${result}, round from ${toSeconds(from)} s to ${toSeconds(until)} s`,
      ),
      ...(unexplained.length === 0
        ? []
        : disturbances.map(({ kind, from, until }) => `  ${kind}: ${toSeconds(from)} s to ${toSeconds(until)} s`)),
    ],
  };
}

function formatRange(numbers: readonly number[]): string {
  return numbers.length === 0 ? 'not measured' : `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
}

function count(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function formatCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([word, number]) => `${word} ${number}`).join(', ') || 'none';
}
