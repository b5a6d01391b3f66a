import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock, Instant } from '@downstream/platform';
import { z } from 'zod';
import { type ContractId, OUTCOMES, type Outcome } from '../contract/contract.ts';
import { CAUSES, type JournalEntry } from '../contract/journal-entry.ts';

type WallClock = Pick<Clock, 'toWallTime' | 'toInstant'>;

/** Parses a row, whose columns are named as in a journal entry. */
function createRowSchema(clock: WallClock) {
  const instant = z.number().transform((wall) => clock.toInstant(wall));
  const optional = instant.nullable().transform((at) => at ?? undefined);
  return z.object({
    contract: z.string(),
    round: z.number(),
    count: z.number(),
    intervalMs: z.number(),
    outcome: z.enum(OUTCOMES),
    cause: z
      .enum(CAUSES)
      .nullable()
      .transform((cause) => cause ?? undefined),
    dueAt: instant,
    settledAt: instant,
    receivedAt: optional,
    queuedAt: optional,
    readAt: optional,
    hashedAt: optional,
    sentAt: optional,
    acknowledgedAt: optional,
    attempts: z.number(),
  });
}

const idRow = z.object({ id: z.string() });
const lastRow = z.object({ contract_id: z.string(), outcome: z.enum(OUTCOMES) });

/** Old entries are deleted in batches of this size, since each write to another page costs a flush. */
const TRIM_BATCH = 100;

/**
 * The latest challenges with their timelines: a bounded table without an index, because it is written for every
 * challenge and read only on request.
 */
export class Journal {
  readonly #db: DatabaseSync;
  readonly #size: number;
  readonly #clock: WallClock;
  readonly #row: ReturnType<typeof createRowSchema>;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #list: StatementSync;
  readonly #findIds: StatementSync;

  /** @param size how many of the latest entries are kept */
  constructor({ size }: { size: number }, { db, clock }: { db: DatabaseSync; clock: WallClock }) {
    this.#db = db;
    this.#size = size;
    this.#clock = clock;
    this.#row = createRowSchema(clock);
    this.#insert = db.prepare(
      `INSERT INTO journal (contract_id, round, count, outcome, cause, due_at, settled_at, received_at, queued_at, read_at, hashed_at, sent_at, acknowledged_at, attempts, interval_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trim = db.prepare('DELETE FROM journal WHERE sequence <= ?');
    this.#list = db.prepare(
      `SELECT contract_id AS contract, round, count, outcome, cause, due_at AS dueAt, settled_at AS settledAt,
         received_at AS receivedAt, queued_at AS queuedAt, read_at AS readAt, hashed_at AS hashedAt, sent_at AS sentAt,
         acknowledged_at AS acknowledgedAt, attempts, interval_ms AS intervalMs
       FROM journal WHERE contract_id = ? ORDER BY sequence DESC LIMIT ?`,
    );
    this.#findIds = db.prepare(
      `SELECT id FROM contract WHERE id >= :from AND id < :to
       UNION SELECT contract_id FROM journal WHERE contract_id >= :from AND contract_id < :to
       ORDER BY 1 LIMIT :limit`,
    );
  }

  /** Must be called in a transaction. */
  add(entry: JournalEntry): void {
    if (this.#size === 0) return;
    const toWall = (at: Instant | undefined) => (at === undefined ? null : this.#clock.toWallTime(at));
    const { contract, round, count, intervalMs, outcome, cause = null, attempts } = entry;
    const { dueAt, settledAt, receivedAt, queuedAt, readAt, hashedAt, sentAt, acknowledgedAt } = entry;
    const times = [dueAt, settledAt, receivedAt, queuedAt, readAt, hashedAt, sentAt, acknowledgedAt].map(toWall);
    const { lastInsertRowid } = this.#insert.run(
      contract,
      round,
      count,
      outcome,
      cause,
      ...times,
      attempts,
      intervalMs,
    );
    const sequence = Number(lastInsertRowid);
    if (sequence % TRIM_BATCH === 0 || this.#size < TRIM_BATCH) this.#trim.run(sequence - this.#size);
  }

  /** The latest challenges of a contract, newest first. */
  list(contract: ContractId, limit: number): JournalEntry[] {
    return this.#list.all(contract, limit).map((row) => this.#row.parse(row));
  }

  /** The outcome of the last challenge of each contract in the journal. */
  lastOutcomes(): Map<ContractId, Outcome> {
    const rows = this.#db.prepare('SELECT contract_id, outcome, max(sequence) FROM journal GROUP BY contract_id').all();
    return new Map(
      z
        .array(lastRow)
        .parse(rows)
        .map(({ contract_id, outcome }) => [contract_id, outcome]),
    );
  }

  /** The contracts, held or in the journal, whose ids start with `prefix`. */
  findContracts(prefix: string, limit: number): ContractId[] {
    // Ids are hex: all that start with the prefix sort before the prefix followed by a g.
    const rows = this.#findIds.all({ from: prefix, to: `${prefix}g`, limit });
    return rows.map((row) => idRow.parse(row).id);
  }
}
