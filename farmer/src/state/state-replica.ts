import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { ContractId } from '../contract/contract.ts';
import { type Heartbeat, readHeartbeat, writeHeartbeat } from './heartbeat.ts';
import {
  type Registry,
  readContractTerms,
  readRegistry,
  type StoredContractTerms,
  TERMS_COLUMN_NAMES,
  toTermsValues,
  writeRegistry,
} from './registry.ts';
import { REPLICA_SCHEMA, upgradeReplica } from './schema.ts';
import { inDurableTransaction, inTransaction, openDatabase } from './sqlite.ts';

/**
 * A replica of the data that cannot be obtained again, in its own file: the registry and the terms of contracts. Writes
 * are durable when a method returns.
 */
export class StateReplica {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare(
      `INSERT OR REPLACE INTO contract (${TERMS_COLUMN_NAMES.join(', ')}) VALUES (${TERMS_COLUMN_NAMES.map(() => '?').join(', ')})`,
    );
    this.#remove = db.prepare('DELETE FROM contract WHERE id = ?');
  }

  /** @throws StateError */
  static open(path: string): StateReplica {
    const db = openDatabase(path, REPLICA_SCHEMA);
    upgradeReplica(db);
    return new StateReplica(db);
  }

  registry(): Registry {
    return readRegistry(this.#db);
  }

  /** Does not write an unchanged registry, so that a farmer starts on a full disk. */
  saveRegistry(registry: Registry): void {
    if (isDeepStrictEqual(this.registry(), registry)) return;
    inDurableTransaction(this.#db, () => writeRegistry(this.#db, registry));
  }

  heartbeat(): Heartbeat | undefined {
    return readHeartbeat(this.#db);
  }

  /** Not flushed: after a power failure, the state has lost its last moments, too. */
  saveHeartbeat(heartbeat: Heartbeat): void {
    inTransaction(this.#db, () => writeHeartbeat(this.#db, heartbeat));
  }

  contracts(): StoredContractTerms[] {
    return readContractTerms(this.#db);
  }

  insert(contracts: readonly StoredContractTerms[]): void {
    inDurableTransaction(this.#db, () => {
      for (const terms of contracts) this.#insert.run(...toTermsValues(terms));
    });
  }

  remove(id: ContractId): void {
    inDurableTransaction(this.#db, () => {
      this.#remove.run(id);
    });
  }

  close(): void {
    this.#db.close();
  }
}
