import type { Clock, Instant, LogTail } from '@downstream/platform';
import type { DiskReading } from '../chunks/disk.ts';
import type { Contract } from '../contract/contract.ts';
import type { OutcomePort } from '../farming/ports.ts';
import type { Status } from '../http/status.ts';
import type { History } from './history.ts';
import type { RequestTally } from './request-tally.ts';
import { verdictOf, windowMs } from './verdict.ts';
import type { View } from './view.ts';

/** What of the farmer the page is read from; what is not there yet at the start is undefined. */
export interface Sources {
  readonly clock: Clock;
  readonly status: () => Status;
  readonly history: History;
  readonly disk: { read(): Promise<DiskReading> };
  readonly tail: Pick<LogTail, 'lines'>;
  readonly farm: () => { shortestIntervalMs: number | undefined; soonest(count: number): Contract[] } | undefined;
  readonly farming: () => Pick<View, 'queues'> | undefined;
  readonly pool: () => View['workers'] | undefined;
  readonly requests: RequestTally;
}

const CONTRACTS_SHOWN = 25;
const NO_JOBS = { waiting: 0, running: 0 };

/** Everything that the page shows, as it is now. */
export async function readView({ clock, history, disk, tail, requests, ...sources }: Sources): Promise<View> {
  const reading = await disk.read().catch(() => undefined);
  const now: Instant = clock.now();
  const status = sources.status();
  const farm = sources.farm();
  const intervalMs = farm?.shortestIntervalMs;
  const { startedAt, lastPassedAt } = history;
  return {
    now,
    status,
    startedAt,
    verdict: verdictOf({
      now,
      startedAt,
      hasToken: status.farmerId !== null,
      nodeReachable: status.node.reachable,
      requestsFailed: requests.summary.failed,
      contracts: status.contracts,
      intervalMs,
      lastPassedAt,
      lastFailedAt: history.lastFailedAt,
      recent: history.within(windowMs(intervalMs), now),
    }),
    intervalMs,
    lastPassedAt,
    spans: history.spans(now),
    soonest: farm?.soonest(CONTRACTS_SHOWN) ?? [],
    disk: reading,
    queues: sources.farming()?.queues ?? { chunks: NO_JOBS, answers: NO_JOBS },
    workers: sources.pool() ?? { size: 0, busy: 0 },
    requests: requests.summary,
    log: tail.lines,
  };
}

/** Outcomes go on to where they are counted, and passes and failures into the history as well. */
export function keepingHistory(outcomes: OutcomePort, history: History, clock: Clock): OutcomePort {
  return {
    passed: (slackMs, at) => {
      outcomes.passed(slackMs, at);
      history.passed(slackMs, at);
    },
    failed: (reason, count, slackMs) => {
      outcomes.failed(reason, count, slackMs);
      history.failed(reason, count, slackMs, clock.now());
    },
    taken: () => outcomes.taken(),
    refused: (reason) => outcomes.refused(reason),
    ended: (reason) => outcomes.ended(reason),
    repaired: () => outcomes.repaired(),
    proofWaited: (ms) => outcomes.proofWaited(ms),
  };
}
