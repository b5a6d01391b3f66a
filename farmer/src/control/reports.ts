import { z } from 'zod';
import { DISK_STATES } from '../chunks/disk-state.ts';
import { PHASES } from '../contract/contract.ts';
import { EXIT_STATES } from '../farming/ports.ts';
import type { ContractList } from './contract-row.ts';
import type { ContractIdError } from './find-contract.ts';

/** Responses of the control socket. */

/** ISO 8601. */
const date = z.string().nullable();

/** Challenges per contract report, by default and at most. */
export const DEFAULT_ENTRIES = 20;
export const MAX_ENTRIES = 1000;

/** A contract and its last challenges, newest first. `phase` is null if the contract is no longer held. */
export const contractReport = z.object({
  contract: z.string(),
  /** The node's name for the contract: in the v1 API a number, otherwise its id. Null if it is no longer held. */
  reference: z.union([z.string(), z.number()]).nullable(),
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
    ok: z.number(),
    proved: z.number(),
    corrupt: z.number(),
    unreadable: z.number(),
    slow: z.number(),
  }),
  /** Chunks still to be rebuilt. */
  rebuilding: z.number(),
});
export type ScrubReport = z.infer<typeof scrubReport>;

export const exitReport = z.object({
  nodes: z.array(
    z.object({
      alias: z.string(),
      state: z.enum(EXIT_STATES),
      /** Contracts released by this process. */
      released: z.number(),
      /** Contracts still held. */
      remaining: z.number(),
      /** Whether contracts can be released. Otherwise they are proved until they end. */
      canRelease: z.boolean(),
      lastError: z.string().nullable(),
    }),
  ),
});
export type ExitReport = z.infer<typeof exitReport>;

export const backupReport = z.object({ path: z.string(), bytes: z.number() });
export type BackupReport = z.infer<typeof backupReport>;

/** A disk that was replaced, or that can be. */
export const replacementReport = z.object({
  path: z.string(),
  /** The file system that the directory is on. */
  mountPoint: z.string(),
  sizeBytes: z.number(),
  freeBytes: z.number(),
  state: z.enum(DISK_STATES),
  reason: z.string().nullable(),
  /** Chunks still to be rebuilt, on any disk. */
  rebuilding: z.number(),
});
export type ReplacementReport = z.infer<typeof replacementReport>;

export interface ReplacementRequest {
  readonly path: string;
  readonly allowSharedFileSystem: boolean;
  /** Checks without any change. */
  readonly dryRun: boolean;
}

/** The status page as text. */
export const statusText = z.object({ text: z.string() });
/** The status page as JSON: a `StatusReport`, of which a command needs to know nothing. */
export const statusReport = z.record(z.string(), z.unknown());

export const errorResponse = z.object({ status: z.literal('error'), message: z.string() });

/** What the status page shows now, also while the farmer starts. */
export interface StatusOperations {
  text(): string;
  report(): object;
}

/** Operations that commands can perform on the running farmer. */
export interface Operations {
  listContracts(): ContractList;
  /** @param id contract id or a prefix of it; @returns an error unless exactly one contract matches */
  explain(id: string, last?: number): ContractReport | ContractIdError;
  startScrub(): ScrubReport;
  getScrub(): ScrubReport;
  /** @param alias all nodes by default; @throws OperationError if the node is unknown */
  startExit(alias?: string): ExitReport;
  /** @param alias all nodes by default; @throws OperationError if the node is unknown */
  cancelExit(alias?: string): ExitReport;
  getExit(): ExitReport;
  backup(path: string): Promise<BackupReport>;
  /** @throws ReplacementError or DataDirError */
  replaceDisk(request: ReplacementRequest): Promise<ReplacementReport>;
}
