import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock, Instant } from '@downstream/platform';
import { z } from 'zod';
import { type ContractId, FAILURE_REASONS } from '../contract/contract.ts';
import { CAUSES, type JournalEntry } from '../contract/journal-entry.ts';

const instant = z.number().nullable();
const journalRow = z.object({
  contract_id: z.string(),
  round: z.number(),
  count: z.number(),
  outcome: z.enum(['passed', ...FAILURE_REASONS]),
  cause: z.enum(CAUSES).nullable(),
  due_at: z.number(),
  settled_at: z.number(),
  received_at: instant,
  queued_at: instant,
  read_at: instant,
  hashed_at: instant,
  sent_at: instant,
  acknowledged_at: instant,
  attempts: z.number(),
});

export interface JournalOptions {
  /** How many of the latest entries are kept. */
  readonly size: number;
}

/** Old entries are deleted in batches of this size, since each write to another page costs a flush. */
const TRIM_BATCH = 100;

/**
 * The latest challenges with their timelines: a bounded table without an index, because it is written for every
 * challenge and read only on request.
 */
export class Journal {
  readonly #size: number;
  readonly #clock: Pick<Clock, 'toWallTime' | 'toInstant'>;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #list: StatementSync;
  readonly #findIds: StatementSync;

  constructor(
    { size }: JournalOptions,
    { db, clock }: { db: DatabaseSync; clock: Pick<Clock, 'toWallTime' | 'toInstant'> },
  ) {
    this.#size = size;
    this.#clock = clock;
    this.#insert = db.prepare(
      `INSERT INTO journal (contract_id, round, count, outcome, cause, due_at, settled_at, received_at, queued_at, read_at, hashed_at, sent_at, acknowledged_at, attempts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trim = db.prepare('DELETE FROM journal WHERE sequence <= ?');
    this.#list = db.prepare('SELECT * FROM journal WHERE contract_id = ? ORDER BY sequence DESC LIMIT ?');
    this.#findIds = db.prepare(
      `SELECT id FROM contract WHERE id >= :from AND id < :to
       UNION SELECT contract_id FROM journal WHERE contract_id >= :from AND contract_id < :to LIMIT 2`,
    );
  }

  /** To be called in a transaction. */
  add(entry: JournalEntry): void {
    if (this.#size === 0) return;
    const toWall = (at: Instant | undefined) => (at === undefined ? null : this.#clock.toWallTime(at));
    const { lastInsertRowid } = this.#insert.run(
      entry.contract,
      entry.round,
      entry.count,
      entry.outcome,
      entry.cause ?? null,
      toWall(entry.dueAt),
      toWall(entry.settledAt),
      toWall(entry.receivedAt),
      toWall(entry.queuedAt),
      toWall(entry.readAt),
      toWall(entry.hashedAt),
      toWall(entry.sentAt),
      toWall(entry.acknowledgedAt),
      entry.attempts,
    );
    const sequence = Number(lastInsertRowid);
    if (sequence % TRIM_BATCH === 0 || this.#size < TRIM_BATCH) this.#trim.run(sequence - this.#size);
  }

  /** The latest challenges of a contract, newest first. */
  list(contract: ContractId, limit: number): JournalEntry[] {
    const toInstant = (wall: number | null) => (wall === null ? undefined : this.#clock.toInstant(wall));
    return this.#list.all(contract, limit).map((row) => {
      const { contract_id, due_at, settled_at, cause, ...entry } = journalRow.parse(row);
      return {
        contract: contract_id,
        round: entry.round,
        count: entry.count,
        outcome: entry.outcome,
        cause: cause ?? undefined,
        dueAt: this.#clock.toInstant(due_at),
        settledAt: this.#clock.toInstant(settled_at),
        receivedAt: toInstant(entry.received_at),
        queuedAt: toInstant(entry.queued_at),
        readAt: toInstant(entry.read_at),
        hashedAt: toInstant(entry.hashed_at),
        sentAt: toInstant(entry.sent_at),
        acknowledgedAt: toInstant(entry.acknowledged_at),
        attempts: entry.attempts,
      };
    });
  }

  /** The contract, held or in the journal, whose id starts with `prefix`; undefined unless there is exactly one. */
  findContract(prefix: string): ContractId | undefined {
    // Ids are hex: all that start with the prefix sort before the prefix followed by a g.
    const rows = this.#findIds.all({ from: prefix, to: `${prefix}g` });
    return rows.length === 1 ? z.object({ id: z.string() }).parse(rows[0]).id : undefined;
  }
}
