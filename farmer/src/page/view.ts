import type { Instant, LogLine } from '@downstream/platform';
import type { HeldContract } from '../control/held-contract.ts';
import type { HistorySpan } from '../status/outcome-history.ts';
import type { RequestSummary } from '../status/request-stats.ts';
import type { Status } from '../status/status.ts';
import type { OverallStatus } from './condition.ts';

/** Everything that the page shows, at one moment. Times are those of the system clock. */
export interface View {
  readonly now: Instant;
  readonly status: Status;
  readonly overall: OverallStatus;
  readonly startedAt: Instant;
  readonly intervalMs: number | undefined;
  readonly lastPassedAt: Instant | undefined;
  readonly spans: readonly HistorySpan[];
  /** Since when no result is missing. */
  readonly completeSince: Instant;
  /** The contracts with the earliest deadlines, in order. */
  readonly nextContracts: readonly HeldContract[];
  readonly queues: Readonly<Record<'chunks' | 'answers', { readonly waiting: number; readonly running: number }>>;
  readonly workers: { readonly size: number; readonly busy: number };
  /** Requests to each node, by alias. */
  readonly requests: ReadonlyMap<string, RequestSummary>;
  /** Oldest first. */
  readonly log: readonly LogLine[];
}
