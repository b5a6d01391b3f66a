import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock, Instant } from '@downstream/platform';
import { z } from 'zod';
import { type ContractId, FAILURE_REASONS } from '../contract/contract.ts';
import { CAUSES, type JournalEntry } from '../contract/journal-entry.ts';

const instant = z.number().nullable();
const row = z.object({
  contract: z.string(),
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
  /** So many of the last entries are kept. */
  readonly size: number;
}

/** Old entries go so many at a time: each write to another page is one more to flush. */
const TRIM_EVERY = 100;

/**
 * The last challenges with their times: a bounded table, oldest out first. It has no index: an entry is written for every challenge,
 * and a contract's are looked for when somebody asks.
 */
export class Journal {
  readonly #size: number;
  readonly #clock: Pick<Clock, 'toWallTime' | 'toInstant'>;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #of: StatementSync;
  readonly #like: StatementSync;

  constructor(
    { size }: JournalOptions,
    { db, clock }: { db: DatabaseSync; clock: Pick<Clock, 'toWallTime' | 'toInstant'> },
  ) {
    this.#size = size;
    this.#clock = clock;
    this.#insert = db.prepare(
      `INSERT INTO journal (contract, round, count, outcome, cause, due_at, settled_at, received_at, queued_at, read_at, hashed_at, sent_at, acknowledged_at, attempts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trim = db.prepare('DELETE FROM journal WHERE seq <= ?');
    this.#of = db.prepare('SELECT * FROM journal WHERE contract = ? ORDER BY seq DESC LIMIT ?');
    this.#like = db.prepare(
      `SELECT id FROM contract WHERE id >= :from AND id < :to
       UNION SELECT contract FROM journal WHERE contract >= :from AND contract < :to LIMIT 2`,
    );
  }

  /** Part of the caller's transaction. */
  add(entry: JournalEntry): void {
    if (this.#size === 0) return;
    const wall = (at: Instant | undefined) => (at === undefined ? null : this.#clock.toWallTime(at));
    const { lastInsertRowid } = this.#insert.run(
      entry.contract,
      entry.round,
      entry.count,
      entry.outcome,
      entry.cause ?? null,
      wall(entry.dueAt),
      wall(entry.settledAt),
      wall(entry.receivedAt),
      wall(entry.queuedAt),
      wall(entry.readAt),
      wall(entry.hashedAt),
      wall(entry.sentAt),
      wall(entry.acknowledgedAt),
      entry.attempts,
    );
    const seq = Number(lastInsertRowid);
    if (seq % TRIM_EVERY === 0 || this.#size < TRIM_EVERY) this.#trim.run(seq - this.#size);
  }

  /** The last challenges of a contract, newest first. */
  of(contract: ContractId, limit: number): JournalEntry[] {
    const at = (wall: number | null) => (wall === null ? undefined : this.#clock.toInstant(wall));
    return this.#of.all(contract, limit).map((found) => {
      const { due_at, settled_at, cause, ...entry } = row.parse(found);
      return {
        contract: entry.contract,
        round: entry.round,
        count: entry.count,
        outcome: entry.outcome,
        cause: cause ?? undefined,
        dueAt: this.#clock.toInstant(due_at),
        settledAt: this.#clock.toInstant(settled_at),
        receivedAt: at(entry.received_at),
        queuedAt: at(entry.queued_at),
        readAt: at(entry.read_at),
        hashedAt: at(entry.hashed_at),
        sentAt: at(entry.sent_at),
        acknowledgedAt: at(entry.acknowledged_at),
        attempts: entry.attempts,
      };
    });
  }

  /** The one contract, held or in the journal, whose id begins like this; undefined where there is none, or more than one. */
  find(prefix: string): ContractId | undefined {
    // Ids are hex: what begins with the prefix comes before the prefix followed by a g.
    const found = this.#like.all({ from: prefix, to: `${prefix}g` });
    return found.length === 1 ? z.object({ id: z.string() }).parse(found[0]).id : undefined;
  }
}
