import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { ContractId } from '../contract/contract.ts';
import { formatSource, type Registry, readContractTerms, readRegistry, type StoredContractTerms } from './registry.ts';
import { inDurableTransaction, inTransaction, openDatabase } from './sqlite.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS farm (id TEXT NOT NULL, address TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS node (id INTEGER PRIMARY KEY, url TEXT NOT NULL, token TEXT, leaving TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS disk (id TEXT PRIMARY KEY, path TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS contract (
    id TEXT PRIMARY KEY,
    node_id INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source TEXT NOT NULL,
    interval_ms REAL NOT NULL,
    accepted_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;`;

/**
 * A second copy of what can't be had again, in a file of its own: tokens, and the terms of contracts. Everything is durable when a
 * call returns.
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
    const db = openDatabase(path);
    inTransaction(db, () => db.exec(SCHEMA));
    return new StateReplica(db);
  }

  registry(): Registry {
    return readRegistry(this.#db);
  }

  /** Writes nothing where nothing has changed: a farmer starts on a full disk, too. */
  saveRegistry(registry: Registry): void {
    if (isDeepStrictEqual(this.registry(), registry)) return;
    const { farm, nodes, disks } = registry;
    inDurableTransaction(this.#db, () => {
      this.#db.exec('DELETE FROM farm; DELETE FROM node; DELETE FROM disk;');
      if (farm) this.#db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
      const node = this.#db.prepare('INSERT INTO node (id, url, token, leaving) VALUES (?, ?, ?, ?)');
      for (const { id, url, token, leaving } of nodes) node.run(id, url, token, leaving);
      const disk = this.#db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
      for (const { id, path } of disks) disk.run(id, path);
    });
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
