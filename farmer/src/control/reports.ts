import { z } from 'zod';
import { PHASES } from '../contract/contract.ts';

/** What the farmer tells a command through its socket, and how the command reads it. */

const date = z.string().nullable();

/** So many of a contract's last challenges are told, if nobody wants more; and so many at most. */
export const DEFAULT_ENTRIES = 20;
export const MAX_ENTRIES = 1000;

/** A contract and its last challenges, newest first; `phase` null: it is not held any more. */
export const contractReport = z.object({
  contract: z.string(),
  node: z.string().nullable(),
  phase: z.enum(PHASES).nullable(),
  disk: z.string().nullable(),
  dueAt: date,
  journal: z.array(
    z.object({
      sentence: z.string(),
      outcome: z.string(),
      cause: z.string().nullable(),
      round: z.number(),
      count: z.number(),
      attempts: z.number(),
      dueAt: date,
      settledAt: date,
      receivedAt: date,
      queuedAt: date,
      readAt: date,
      hashedAt: date,
      sentAt: date,
      acknowledgedAt: date,
    }),
  ),
});
export type ContractReport = z.infer<typeof contractReport>;

export const scrubReport = z.object({
  running: z.boolean(),
  done: z.number(),
  total: z.number(),
  results: z.object({
    sound: z.number(),
    proved: z.number(),
    corrupt: z.number(),
    unreadable: z.number(),
    slow: z.number(),
  }),
  /** Chunks that are still to be made again. */
  rebuilding: z.number(),
});
export type ScrubReport = z.infer<typeof scrubReport>;

export const exitReport = z.object({
  nodes: z.array(
    z.object({
      alias: z.string(),
      state: z.enum(['no', 'leaving', 'left']),
      removed: z.number(),
      left: z.number(),
      lastError: z.string().nullable(),
    }),
  ),
});
export type ExitReport = z.infer<typeof exitReport>;

export const backupReport = z.object({ path: z.string(), bytes: z.number() });
export type BackupReport = z.infer<typeof backupReport>;

export const failure = z.object({ status: z.literal('error'), message: z.string() });

/** What a command may ask of the farmer that runs. */
export interface Operations {
  /** @param id a contract's id, or enough of its beginning; undefined where there is no such contract, or more than one */
  explain(id: string, last?: number): ContractReport | undefined;
  startScrub(): ScrubReport;
  scrub(): ScrubReport;
  /** @throws OperationError where there is no such node */
  leave(alias?: string): ExitReport;
  /** @throws OperationError where there is no such node */
  stay(alias?: string): ExitReport;
  leaving(): ExitReport;
  backup(path: string): Promise<BackupReport>;
}
