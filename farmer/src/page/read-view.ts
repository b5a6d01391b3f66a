import type { Clock, Instant, LogTail } from '@downstream/platform';
import type { FarmerState } from '../farmer-state.ts';
import { listNextDue } from '../status/held-contracts.ts';
import type { OutcomeHistory } from '../status/outcome-history.ts';
import type { RequestStats } from '../status/request-stats.ts';
import type { Status } from '../status/status.ts';
import { formatLabel, formatSince } from './format.ts';
import { assessStatus, computeWindowMs } from './overall-status.ts';
import type { View } from './view.ts';
import { toWallTimes } from './wall-times.ts';

/** What the page is rendered from. */
export interface ViewSources {
  readonly clock: Clock;
  readonly status: () => Status;
  readonly history: OutcomeHistory;
  readonly tail: Pick<LogTail, 'lines'>;
  readonly state: () => FarmerState;
  /** Requests to each node, by alias. */
  readonly requests: ReadonlyMap<string, RequestStats>;
}

const MAX_CONTRACTS_SHOWN = 25;
const NO_JOBS = { waiting: 0, running: 0 };

/** Collects what the page shows now. */
export function readView({ clock, history, tail, ...sources }: ViewSources): View {
  const now: Instant = clock.now();
  const status = sources.status();
  const work = readWork(sources.state());
  const { intervalMs } = work;
  const { startedAt, lastPassedAt, completeSince } = history;
  const recentMs = Math.min(computeWindowMs(intervalMs), Math.max(0, now - completeSince));
  const wallTimes = { now: clock.toWallTime(now), startedAt: clock.toWallTime(startedAt) };
  const since = (iso: string) => formatSince(iso, wallTimes);
  const requests = new Map([...sources.requests].map(([alias, { summary }]) => [alias, summary]));
  const view: View = {
    now,
    status,
    startedAt,
    overall: assessStatus({
      now,
      startedAt,
      nodes: status.nodes.map(({ farmerId, problem, ...node }) => ({
        ...node,
        problem: problem && { ...problem, since: since(problem.since) },
        hasToken: farmerId !== null,
      })),
      stateSaved: status.stateSaved,
      failedDisks: status.disks.flatMap(({ path, state, reason, since: at }) =>
        at === null ? [] : [{ path, state, reason: reason ?? formatLabel(state), since: since(at) }],
      ),
      usableDisks: status.disks.filter(({ state }) => state !== 'quarantined').length,
      requestsFailed: [...requests.values()].reduce((sum, { failed }) => sum + failed, 0),
      contracts: status.contracts,
      intervalMs,
      lastPassedAt,
      lastFailedAt: history.lastFailedAt,
      recent: history.sumWithin(recentMs, now),
      recentMs,
    }),
    ...work,
    lastPassedAt,
    spans: history.getSpans(now),
    completeSince,
    requests,
    log: tail.lines,
  };
  return toWallTimes(view, clock);
}

function readWork(state: FarmerState): Pick<View, 'intervalMs' | 'nextContracts' | 'queues' | 'workers'> {
  if (state.phase === 'starting') {
    return {
      intervalMs: undefined,
      nextContracts: [],
      queues: { chunks: NO_JOBS, answers: NO_JOBS },
      workers: { size: 0, busy: 0 },
    };
  }
  const { farmer, pool } = state;
  return {
    intervalMs: farmer.contracts.shortestIntervalMs,
    nextContracts: listNextDue(state, MAX_CONTRACTS_SHOWN),
    queues: farmer.queues,
    workers: pool,
  };
}
