import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { ContractId } from '../contract/contract.ts';
import { HEARTBEAT_TABLE, type Heartbeat, readHeartbeat, writeHeartbeat } from './heartbeat.ts';
import {
  formatSource,
  type Registry,
  readContractTerms,
  readRegistry,
  type StoredContractTerms,
  writeRegistry,
} from './registry.ts';
import { REPLICA_SCHEMA } from './schema.ts';
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
      'INSERT OR REPLACE INTO contract (id, node_id, source_kind, source, interval_ms, accepted_at) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#remove = db.prepare('DELETE FROM contract WHERE id = ?');
  }

  /** @throws StateError */
  static open(path: string): StateReplica {
    const db = openDatabase(path, REPLICA_SCHEMA);
    // An earlier version may have created the file.
    db.exec(HEARTBEAT_TABLE);
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
      for (const { id, nodeId, source, intervalMs, acceptedAtWall } of contracts) {
        this.#insert.run(id, nodeId, source.kind, formatSource(source), intervalMs, acceptedAtWall);
      }
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
