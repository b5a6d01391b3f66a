import { chmodSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CodedError, codeOf } from '@downstream/platform';
import { z } from 'zod';
import { type ContractId, FAILURE_REASONS } from '../contract/contract.ts';
import {
  EMPTY_TALLY,
  type StoredContract,
  type StoredOutcome,
  type StorePort,
  type Tally,
  type TokenStorePort,
} from '../farming/ports.ts';
import { migrate } from './migrations.ts';

/** The state file can't be used. */
class StateError extends CodedError<'locked' | 'not_writable' | 'unusable' | 'other_identity'> {}

/** For whom, and for which node, a data directory farms. */
export interface Identity {
  readonly nodeUrl: string;
  readonly address: string;
}

const contractRow = z.object({
  id: z.string(),
  source_kind: z.enum(['secret', 'url']),
  source: z.string(),
  interval_ms: z.number(),
  taken_at: z.number(),
  round_number: z.number(),
  round_issued_at: z.number(),
  has_chunk: z.number(),
});
const tallyRow = z.object({
  name: z.enum(['passed', ...FAILURE_REASONS]),
  count: z.number(),
});
const identityRow = z.object({ node_url: z.string(), address: z.string(), token: z.string().nullable() });

/**
 * What outlives the process, in SQLite (`node:sqlite`): identity and token, contracts, outcomes. The file is locked for
 * as long as it is open: a data directory has one farmer.
 */
export class StateStore implements StorePort, TokenStorePort {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #count: StatementSync;
  readonly #remove: StatementSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare(
      'INSERT INTO contract (id, source_kind, source, interval_ms, taken_at, round_number, round_issued_at, has_chunk) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#update = db.prepare('UPDATE contract SET round_number = ?, round_issued_at = ?, has_chunk = ? WHERE id = ?');
    this.#count = db.prepare(
      'INSERT INTO tally (name, count) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = excluded.count',
    );
    this.#remove = db.prepare('DELETE FROM contract WHERE id = ?');
  }

  /**
   * Opens, or makes, the state file: readable by its owner alone, locked, at the newest schema.
   *
   * @throws StateError whose message says what to do
   */
  static open(path: string): StateStore {
    try {
      const db = new DatabaseSync(path, { timeout: 0 });
      try {
        chmodSync(path, 0o600);
        db.exec(
          'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT;',
        );
        migrate(db);
        return new StateStore(db);
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      throw asStateError(error, path);
    }
  }

  /**
   * Makes sure that this directory farms for `wanted`, which a new one then does for good.
   *
   * @param nodeMoved the node is the same one as before at another URL
   * @throws StateError `other_identity`: contracts of one node are never shown to another
   */
  claim(wanted: Identity, { nodeMoved }: { nodeMoved: boolean }): void {
    const known = this.#identity();
    if (known === undefined) {
      this.#db.prepare('INSERT INTO identity (node_url, address) VALUES (?, ?)').run(wanted.nodeUrl, wanted.address);
      return;
    }
    if (known.address !== wanted.address) {
      throw new StateError(
        'other_identity',
        `this data directory farms for another address than FARMER_ADDRESS: set it back to ${known.address}, or use another FARMER_DATA_DIR`,
      );
    }
    if (known.node_url === wanted.nodeUrl) return;
    if (!nodeMoved) {
      throw new StateError(
        'other_identity',
        `this data directory farms for the node ${known.node_url}, not ${wanted.nodeUrl}: set FARMER_NODE_URL back, use another FARMER_DATA_DIR, or, if that same node has moved, start once with --node-moved`,
      );
    }
    this.#db.prepare('UPDATE identity SET node_url = ?').run(wanted.nodeUrl);
  }

  token(): string | undefined {
    return this.#identity()?.token ?? undefined;
  }

  saveToken(token: string): void {
    this.#db.prepare('UPDATE identity SET token = ?').run(token);
  }

  insert({ terms, round, hasChunk }: StoredContract): void {
    const { id, source, intervalMs, takenAt } = terms;
    const text = source.kind === 'secret' ? source.secret : source.url;
    this.#insert.run(id, source.kind, text, intervalMs, takenAt, round.number, round.issuedAt, Number(hasChunk));
  }

  update({ terms, round, hasChunk }: StoredContract, outcome?: StoredOutcome): void {
    this.#atomically(() => {
      this.#update.run(round.number, round.issuedAt, Number(hasChunk), terms.id);
      if (outcome) this.#count.run(outcome.total.name, outcome.total.count);
    });
  }

  remove(id: ContractId): void {
    this.#remove.run(id);
  }

  contracts(): StoredContract[] {
    return this.#db
      .prepare('SELECT * FROM contract ORDER BY taken_at')
      .all()
      .map((row) => {
        const { id, source_kind, source, interval_ms, taken_at, round_number, round_issued_at, has_chunk } =
          contractRow.parse(row);
        return {
          terms: {
            id,
            source: source_kind === 'secret' ? { kind: 'secret', secret: source } : { kind: 'url', url: source },
            intervalMs: interval_ms,
            takenAt: taken_at,
          },
          round: { number: round_number, issuedAt: round_issued_at },
          hasChunk: has_chunk === 1,
        };
      });
  }

  tally(): Tally {
    const rows = z.array(tallyRow).parse(this.#db.prepare('SELECT name, count FROM tally').all());
    return { ...EMPTY_TALLY, ...Object.fromEntries(rows.map(({ name, count }) => [name, count])) };
  }

  close(): void {
    this.#db.close();
  }

  #identity(): z.infer<typeof identityRow> | undefined {
    const row = this.#db.prepare('SELECT node_url, address, token FROM identity').get();
    return row === undefined ? undefined : identityRow.parse(row);
  }

  #atomically(work: () => void): void {
    this.#db.exec('BEGIN');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** SQLite's primary result codes; extended ones have them in their low byte. */
const LOCKED: readonly number[] = [5, 6];
const NOT_WRITABLE: readonly number[] = [3, 8, 14];

function asStateError(error: unknown, path: string): StateError {
  if (error instanceof StateError) return error;
  const errcode = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (LOCKED.includes(errcode)) {
    return new StateError(
      'locked',
      `${path} is in use: another farmer runs on this data directory; stop it, or use another FARMER_DATA_DIR`,
    );
  }
  if (NOT_WRITABLE.includes(errcode)) {
    return new StateError(
      'not_writable',
      `${path} can't be written: check FARMER_DATA_DIR, its owner and its permissions`,
    );
  }
  const why = error instanceof Error ? error.message : (codeOf(error) ?? 'unknown');
  return new StateError('unusable', `${path} can't be used as the farmer's state: ${why}`, {}, { cause: error });
}
