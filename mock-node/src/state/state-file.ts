import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction, openDatabase } from '@downstream/platform/sqlite';
import { z } from 'zod';
import type { ClockSnapshot } from '../clock/node-clock.ts';
import type { CreatedCounts, LedgerStore, StoredContract, StoredLedger } from '../ledger/ledger-store.ts';
import { clockRow, contractRow, farmerRow, nodeRow, toRowValues } from './rows.ts';
import { SCHEMA } from './schema.ts';
import { StateError, toStateError } from './state-error.ts';

/** What a node draws from, and makes chunks of: its contracts mean nothing to another. */
export interface StateIdentity {
  readonly seed: string;
  readonly genesisSha256: string;
}

/** What a node was when it was last written down. */
export interface StoredState {
  readonly ledger: StoredLedger;
  readonly clock: ClockSnapshot | undefined;
}

/**
 * What outlives the node: farmers, contracts, how far the draws are, and its time, in SQLite. Changes are gathered as the
 * ledger tells them, and written at once by {@link save}, in one transaction. The file is locked as long as it is open.
 */
export class StateFile implements LedgerStore {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #statements: Record<'made' | 'clock' | 'addFarmer' | 'removeFarmer' | 'put' | 'remove', StatementSync>;
  /** What is to be written; by what it is about, so that only the last change counts. */
  #made: CreatedCounts | undefined;
  readonly #farmers = new Map<string, boolean>();
  readonly #contracts = new Map<number, Readonly<StoredContract> | undefined>();

  private constructor(path: string, db: DatabaseSync) {
    this.#path = path;
    this.#db = db;
    this.#statements = {
      made: db.prepare('UPDATE node SET farmers_created = ?, contracts_created = ?'),
      clock: db.prepare(
        'INSERT OR REPLACE INTO clock (id, mode, scale, start_scale, node_ms, real_ms) VALUES (1, ?, ?, ?, ?, ?)',
      ),
      addFarmer: db.prepare('INSERT OR IGNORE INTO farmer (token) VALUES (?)'),
      removeFarmer: db.prepare('DELETE FROM farmer WHERE token = ?'),
      put: db.prepare(
        `INSERT OR REPLACE INTO contract (number, token, hash, secret, interval_ms, accepted_at, started_at, round, response,
           response_passed, consecutive_failures, passed, wrong, unanswered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      remove: db.prepare('DELETE FROM contract WHERE number = ?'),
    };
  }

  /**
   * Opens or creates the state file.
   *
   * @throws StateError
   */
  static open(path: string, owner: StateIdentity): StateFile {
    try {
      const db = openDatabase(path, SCHEMA);
      try {
        claim(db, path, owner);
        return new StateFile(path, db);
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      throw toStateError(error, path);
    }
  }

  /** @throws StateError where the file is damaged */
  load(): StoredState {
    try {
      const { farmers_created, contracts_created } = nodeRow.parse(this.#db.prepare('SELECT * FROM node').get());
      const farmers = z.array(farmerRow).parse(this.#db.prepare('SELECT token FROM farmer ORDER BY number').all());
      const contracts = this.#db.prepare('SELECT * FROM contract ORDER BY number').all();
      const clock = this.#db.prepare('SELECT * FROM clock').get();
      return {
        ledger: {
          made: { farmers: farmers_created, contracts: contracts_created },
          farmers: farmers.map(({ token }) => token),
          contracts: contracts.map((row) => contractRow.parse(row)),
        },
        clock: clock && clockRow.parse(clock),
      };
    } catch (error) {
      throw toStateError(error, this.#path);
    }
  }

  made(made: CreatedCounts): void {
    this.#made = made;
  }

  farmer(token: string, isKnown: boolean): void {
    this.#farmers.set(token, isKnown);
  }

  contract(contract: Readonly<StoredContract>): void {
    this.#contracts.set(contract.index, contract);
  }

  ended({ index }: Readonly<StoredContract>): void {
    this.#contracts.set(index, undefined);
  }

  /** Whether there is something that was told and is not written. */
  get hasPendingChanges(): boolean {
    return this.#contracts.size > 0 || this.#farmers.size > 0 || this.#made !== undefined;
  }

  /**
   * Writes what has changed, and what time it is. It is in the file when this returns: a process that is killed loses none
   * of it. What could not be written is tried again with the next.
   *
   * @throws StateError
   */
  save(clock: ClockSnapshot): void {
    try {
      inTransaction(this.#db, () => this.#write(clock));
    } catch (error) {
      throw toStateError(error, this.#path);
    }
    this.#made = undefined;
    this.#farmers.clear();
    this.#contracts.clear();
  }

  /**
   * Lets go of the file; again does nothing.
   *
   * @param clock where time stands: written, with whatever is not yet
   */
  close(clock?: ClockSnapshot): void {
    if (!this.#db.isOpen) return;
    try {
      if (clock !== undefined) this.save(clock);
    } finally {
      this.#db.close();
    }
  }

  #write({ mode, scale, startScale, node, real }: ClockSnapshot): void {
    const { made, addFarmer, removeFarmer, put, remove, clock } = this.#statements;
    if (this.#made !== undefined) made.run(this.#made.farmers, this.#made.contracts);
    for (const [token, isKnown] of this.#farmers) (isKnown ? addFarmer : removeFarmer).run(token);
    for (const [index, contract] of this.#contracts) {
      if (contract === undefined) remove.run(index);
      else put.run(...toRowValues(contract));
    }
    clock.run(mode, scale, startScale, node, real);
  }
}

/** Makes a new file this node's, for good. @throws StateError where it is another's */
function claim(db: DatabaseSync, path: string, { seed, genesisSha256 }: StateIdentity): void {
  const row = db.prepare('SELECT * FROM node').get();
  if (row === undefined) {
    db.prepare('INSERT INTO node (seed, genesis_sha256, farmers_created, contracts_created) VALUES (?, ?, 0, 0)').run(
      seed,
      genesisSha256,
    );
    return;
  }
  const known = nodeRow.parse(row);
  const file = `MOCK_STATE (${JSON.stringify(path)})`;
  if (known.seed !== seed)
    throw new StateError(
      'other_seed',
      `${file} belongs to a node with the seed ${JSON.stringify(known.seed)}, not ${JSON.stringify(seed)}: restore MOCK_SEED, or choose another file`,
    );
  if (known.genesis_sha256 !== genesisSha256)
    throw new StateError(
      'other_genesis',
      `${file} belongs to a node with the genesis file ${known.genesis_sha256}, not ${genesisSha256}: restore MOCK_GENESIS and MOCK_GENESIS_SHA256, or choose another file`,
    );
}
