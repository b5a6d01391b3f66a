import type { Instant } from '@downstream/platform';
import { dueAt } from '../contract/contract.ts';
import type { View } from './view.ts';

/** The content of the page as JSON: `/status`, and what the page shows beyond it. Instants are ISO 8601. */
export function createStatusReport(view: View) {
  const { now, status, overall, startedAt, intervalMs, lastPassedAt, spans, completeSince, queues, workers } = view;
  return {
    ...status,
    at: toIso(now),
    overall,
    startedAt: toIso(startedAt),
    completeSince: toIso(view.completeSince),
    intervalSeconds: toSeconds(intervalMs),
    lastPassedAt: toIso(lastPassedAt),
    historyCompleteSince: toIso(completeSince),
    history: spans.map(({ from, minutes, passed, failed, minSlackMs }) => ({
      from: toIso(from),
      minutes,
      passed,
      failed,
      minSlackSeconds: toSeconds(minSlackMs),
    })),
    nextContracts: view.nextContracts.map(({ contract, node, disk }) => ({
      contract: contract.terms.id,
      node,
      disk: disk ?? null,
      phase: contract.phase,
      lastResult: contract.last ?? null,
      dueAt: toIso(dueAt(contract)),
    })),
    queues,
    workers: { size: workers.size, busy: workers.busy },
    requests: Object.fromEntries(
      Array.from(view.requests, ([alias, { total, failed, lastResponseAt, lastFailure }]) => [
        alias,
        {
          total,
          failed,
          lastResponseAt: toIso(lastResponseAt),
          lastFailure: lastFailure === undefined ? null : { ...lastFailure, at: toIso(lastFailure.at) },
        },
      ]),
    ),
    log: view.log,
  };
}

function toIso(at: Instant | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

function toSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}
