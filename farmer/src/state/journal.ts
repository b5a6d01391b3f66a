import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock, Instant } from '@downstream/platform';
import { z } from 'zod';
import { type ContractId, OUTCOMES, type Outcome } from '../contract/contract.ts';
import { CAUSES, type JournalEntry, type SettledRounds } from '../contract/journal-entry.ts';
import { readJournalStart } from './journal-start.ts';

type WallClock = Pick<Clock, 'toWallTime' | 'toInstant'>;

/** Limits the time that a start takes to read them. */
const MAX_RECENT = 50_000;
const FIRST_ENTRY = 'SELECT sequence, settled_at FROM journal WHERE sequence > ? ORDER BY sequence LIMIT 1';
const RECENT_ENTRIES = `SELECT outcome, cause, count, interval_ms AS intervalMs, due_at AS dueAt, settled_at AS settledAt
  FROM journal WHERE sequence > ? AND settled_at >= ? ORDER BY sequence DESC LIMIT ?`;
const firstRow = z.object({ sequence: z.number(), settled_at: z.number() });

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
  readonly #rounds: z.ZodType<SettledRounds>;
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
    this.#rounds = this.#row.pick({
      outcome: true,
      cause: true,
      count: true,
      intervalMs: true,
      dueAt: true,
      settledAt: true,
    });
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

  /** Rounds that were settled since, oldest first, and since when none is missing; undefined if that is not known. */
  readRecent(since: Instant): { rounds: SettledRounds[]; completeSince: Instant | undefined } {
    const start = readJournalStart(this.#db);
    const afterSequence = start?.afterSequence ?? 0;
    const found = this.#db.prepare(FIRST_ENTRY).get(afterSequence);
    const first = found === undefined ? undefined : firstRow.parse(found);
    // Old entries were deleted, unless the first one is still there.
    const isTrimmed = first !== undefined && first.sequence > afterSequence + 1;
    const startWall = isTrimmed ? first.settled_at : (start?.atWall ?? first?.settled_at);
    const rows = this.#db.prepare(RECENT_ENTRIES).all(afterSequence, this.#clock.toWallTime(since), MAX_RECENT);
    const rounds = rows.map((row) => this.#rounds.parse(row)).reverse();
    const startAt = startWall === undefined ? undefined : this.#clock.toInstant(startWall);
    return { rounds, completeSince: rows.length === MAX_RECENT ? rounds[0]?.settledAt : startAt };
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
