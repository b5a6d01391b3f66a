import type { Clock, Instant } from '@downstream/platform';
import { dueAt } from '../contract/contract.ts';
import { explain } from '../contract/explain.ts';
import type { JournalEntry } from '../contract/journal-entry.ts';
import type { HeldContract } from './held-contract.ts';
import type { ContractReport } from './reports.ts';

/** @param holding undefined if the contract is no longer held */
export function createContractReport(
  id: string,
  { holding, entries }: { holding: HeldContract | undefined; entries: readonly JournalEntry[] },
  clock: Pick<Clock, 'toWallTime'>,
): ContractReport {
  const date = (at: Instant | undefined) => (at === undefined ? null : new Date(clock.toWallTime(at)).toISOString());
  return {
    contract: id,
    reference: holding?.contract.terms.reference ?? null,
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
