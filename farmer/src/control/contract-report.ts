import type { Clock, Instant } from '@downstream/platform';
import { type Contract, dueAt } from '../contract/contract.ts';
import { explain } from '../contract/explain.ts';
import type { JournalEntry } from '../contract/journal-entry.ts';
import type { ContractReport } from './reports.ts';

/** What is known of a contract beside its journal. */
export interface HeldContract {
  readonly contract: Contract;
  /** The node's alias. */
  readonly node: string;
  /** The folder that its chunk is in. */
  readonly disk: string | undefined;
}

/** A contract, held or not, with the last challenges in one sentence each. */
export function createContractReport(
  id: string,
  { holding, entries }: { holding: HeldContract | undefined; entries: readonly JournalEntry[] },
  clock: Pick<Clock, 'toWallTime'>,
): ContractReport {
  const date = (at: Instant | undefined) => (at === undefined ? null : new Date(clock.toWallTime(at)).toISOString());
  return {
    contract: id,
    node: holding?.node ?? null,
    phase: holding?.contract.phase ?? null,
    disk: holding?.disk ?? null,
    dueAt: date(holding && dueAt(holding.contract)),
    journal: entries.map((entry) => ({
      sentence: explain(entry),
      outcome: entry.outcome,
      cause: entry.cause ?? null,
      round: entry.round,
      count: entry.count,
      attempts: entry.attempts,
      dueAt: date(entry.dueAt),
      settledAt: date(entry.settledAt),
      receivedAt: date(entry.receivedAt),
      queuedAt: date(entry.queuedAt),
      readAt: date(entry.readAt),
      hashedAt: date(entry.hashedAt),
      sentAt: date(entry.sentAt),
      acknowledgedAt: date(entry.acknowledgedAt),
    })),
  };
}
