import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import type { ChunkSource, ContractId } from '../contract/contract.ts';
import { atomically, durably, openDatabase } from './sqlite.ts';

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
    taken_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;`;

const farmRow = z.object({ id: z.string(), address: z.string() });
const nodeRow = z.object({
  id: z.number(),
  url: z.string(),
  token: z.string().nullable(),
  leaving: z.enum(['no', 'leaving', 'left']),
});
const diskRow = z.object({ id: z.string(), path: z.string() });
const contractRow = z.object({
  id: z.string(),
  node_id: z.number(),
  source_kind: z.enum(['secret', 'url']),
  source: z.string(),
  interval_ms: z.number(),
  taken_at: z.number(),
});

/** What can't be had again: who farms where with which tokens. */
export interface Essentials {
  readonly farm: z.infer<typeof farmRow> | undefined;
  readonly nodes: readonly z.infer<typeof nodeRow>[];
  readonly disks: readonly z.infer<typeof diskRow>[];
}

/** A contract's terms, with dates of the machine's clock. */
export interface MirroredContract {
  readonly id: ContractId;
  readonly nodeId: number;
  readonly source: ChunkSource;
  readonly intervalMs: number;
  readonly takenAtWall: number;
}

/**
 * A second copy of what can't be had again, in a file of its own: tokens, and the terms of contracts. Everything is durable when a
 * call returns.
 */
export class Mirror {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare(
      'INSERT OR REPLACE INTO contract (id, node_id, source_kind, source, interval_ms, taken_at) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#remove = db.prepare('DELETE FROM contract WHERE id = ?');
  }

  /** @throws StateError */
  static open(path: string): Mirror {
    const db = openDatabase(path);
    atomically(db, () => db.exec(SCHEMA));
    return new Mirror(db);
  }

  essentials(): Essentials {
    const farm = this.#db.prepare('SELECT id, address FROM farm').get();
    return {
      farm: farm && farmRow.parse(farm),
      nodes: z.array(nodeRow).parse(this.#db.prepare('SELECT id, url, token, leaving FROM node').all()),
      disks: z.array(diskRow).parse(this.#db.prepare('SELECT id, path FROM disk').all()),
    };
  }

  saveEssentials({ farm, nodes, disks }: Essentials): void {
    durably(this.#db, () => {
      this.#db.exec('DELETE FROM farm; DELETE FROM node; DELETE FROM disk;');
      if (farm) this.#db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
      const node = this.#db.prepare('INSERT INTO node (id, url, token, leaving) VALUES (?, ?, ?, ?)');
      for (const { id, url, token, leaving } of nodes) node.run(id, url, token, leaving);
      const disk = this.#db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
      for (const { id, path } of disks) disk.run(id, path);
    });
  }

  contracts(): MirroredContract[] {
    return z
      .array(contractRow)
      .parse(this.#db.prepare('SELECT * FROM contract').all())
      .map(({ id, node_id, source_kind, source, interval_ms, taken_at }) => ({
        id,
        nodeId: node_id,
        source: source_kind === 'secret' ? { kind: 'secret', secret: source } : { kind: 'url', url: source },
        intervalMs: interval_ms,
        takenAtWall: taken_at,
      }));
  }

  insert(contracts: readonly MirroredContract[]): void {
    durably(this.#db, () => {
      for (const { id, nodeId, source, intervalMs, takenAtWall } of contracts) {
        const text = source.kind === 'secret' ? source.secret : source.url;
        this.#insert.run(id, nodeId, source.kind, text, intervalMs, takenAtWall);
      }
    });
  }

  remove(id: ContractId): void {
    durably(this.#db, () => {
      this.#remove.run(id);
    });
  }

  close(): void {
    this.#db.close();
  }
}
