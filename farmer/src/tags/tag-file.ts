import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  checkIntegrity,
  DatabaseError,
  inTransaction,
  openReadOnly,
  openShared,
  type Schema,
  toDatabaseError,
} from '@downstream/platform/sqlite';

export const TAG_FILE = 'tags.db';
export const TAG_REPLICA_FILE = 'tags.replica.db';

/** A tag of 256 challenges has 17 parts; the largest possible one has 18 725. */
const MAX_PARTS = 2 ** 20;

export const TAG_TABLES = `
  CREATE TABLE tag (
    number INTEGER PRIMARY KEY,
    contract_id TEXT NOT NULL UNIQUE,
    scheme TEXT NOT NULL,
    -- JSON of the public heartbeat.
    heartbeat TEXT NOT NULL,
    -- JSON of the divided tag.
    head TEXT NOT NULL,
    part_count INTEGER NOT NULL,
    -- Part 0, which every Merkle proof needs.
    first_part BLOB
  ) STRICT;
  CREATE TABLE tag_part (
    -- The tag's number × ${MAX_PARTS} + the part's number, from 1: faster than a key of two columns.
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
  ) STRICT;`;

const TAG_SCHEMA: Schema = {
  // "FarT"
  applicationId: 0x46617254,
  version: 1,
  sql: TAG_TABLES,
};

/** A tag without its parts. */
export interface TagHead {
  readonly number: number;
  readonly scheme: string;
  /** JSON. */
  readonly heartbeat: string;
  /** JSON. */
  readonly head: string;
  readonly partCount: number;
  readonly firstPart: unknown;
}

/** A complete tag. */
export interface StoredTag extends Omit<TagHead, 'number' | 'partCount' | 'firstPart'> {
  readonly contractId: string;
  readonly parts: readonly Uint8Array[];
}

/**
 * A database file with the tags of contracts, divided into parts so that a proof reads only those that it needs. Errors
 * are `DatabaseError`s.
 */
export class TagFile {
  readonly #db: DatabaseSync;
  readonly #findHead: StatementSync;
  readonly #findPart: StatementSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#findHead = db.prepare(
      'SELECT number, scheme, heartbeat, head, part_count, first_part FROM tag WHERE contract_id = ?',
    );
    this.#findPart = db.prepare('SELECT data FROM tag_part WHERE id = ?');
    this.#findHead.setReturnArrays(true);
    this.#findPart.setReturnArrays(true);
  }

  /** Opens a file for writing, and creates it if necessary. Threads must do this one after the other. */
  static open(path: string): TagFile {
    return new TagFile(openShared(path, TAG_SCHEMA));
  }

  /** Opens an existing file for reading, while other threads may read and write. */
  static openReadOnly(path: string): TagFile {
    return new TagFile(openReadOnly(path, TAG_SCHEMA, { isShared: true }));
  }

  /**
   * Opens an existing file for reading on a full disk, where it cannot be shared. Tags that are only in its write-ahead
   * log are not read. While it is open, no thread should write.
   */
  static openOnFullDisk(path: string): TagFile {
    return new TagFile(openReadOnly(path, TAG_SCHEMA, { immutable: true }));
  }

  /** Reads the tag tables in a backup of the state. */
  static ofBackup(db: DatabaseSync): TagFile {
    return new TagFile(db);
  }

  /** @throws DatabaseError `damaged` */
  checkIntegrity(): void {
    translateErrors(() => checkIntegrity(this.#db));
  }

  ids(): Set<string> {
    return translateErrors(() => {
      const statement = this.#db.prepare('SELECT contract_id FROM tag');
      return new Set(statement.all().map((row) => String(row['contract_id'])));
    });
  }

  find(contractId: string): TagHead | undefined {
    const row = translateErrors(() => this.#findHead.get(contractId));
    if (row === undefined) return undefined;
    const [number, scheme, heartbeat, head, partCount, firstPart] = Object.values(row);
    return {
      number: Number(number),
      scheme: String(scheme),
      heartbeat: String(heartbeat),
      head: String(head),
      partCount: Number(partCount),
      firstPart,
    };
  }

  /** @throws DatabaseError `damaged` if there is no such part */
  readPart({ number, firstPart }: Pick<TagHead, 'number' | 'firstPart'>, part: number): Uint8Array {
    const data = part === 0 ? firstPart : this.#readOtherPart(number, part);
    if (data instanceof Uint8Array) return data;
    throw new DatabaseError('damaged', `part ${part} of a tag is missing`);
  }

  #readOtherPart(number: number, part: number): unknown {
    const row = translateErrors(() => this.#findPart.get(number * MAX_PARTS + part));
    return Object.values(row ?? {})[0];
  }

  /** @throws DatabaseError `damaged` if the tag is incomplete */
  read(contractId: string): StoredTag | undefined {
    const tag = this.find(contractId);
    if (tag === undefined) return undefined;
    const { scheme, heartbeat, head, partCount } = tag;
    const parts = Array.from({ length: partCount }, (_, part) => this.readPart(tag, part));
    return { contractId, scheme, heartbeat, head, parts };
  }

  /** Runs `work` in a transaction, which survives a power failure once this returns. */
  write(work: () => void): void {
    inTransaction(this.#db, work);
  }

  /** Runs `work`, in which all reads see the same state of the file. */
  inReadTransaction<T>(work: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return work();
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  /** Replaces the contract's tag. */
  insert({ contractId, scheme, heartbeat, head, parts }: StoredTag): void {
    this.remove(contractId);
    const [firstPart = null, ...otherParts] = parts;
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO tag (contract_id, scheme, heartbeat, head, part_count, first_part) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(contractId, scheme, heartbeat, head, parts.length, firstPart);
    const first = Number(lastInsertRowid) * MAX_PARTS;
    const insertPart = this.#db.prepare('INSERT OR REPLACE INTO tag_part (id, data) VALUES (?, ?)');
    for (const [index, data] of otherParts.entries()) insertPart.run(first + 1 + index, data);
  }

  remove(contractId: string): void {
    const tag = this.find(contractId);
    if (tag === undefined) return;
    const first = tag.number * MAX_PARTS;
    this.#db.prepare('DELETE FROM tag_part WHERE id >= ? AND id < ?').run(first, first + MAX_PARTS);
    this.#db.prepare('DELETE FROM tag WHERE number = ?').run(tag.number);
  }

  close(): void {
    this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function translateErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toDatabaseError(error);
  }
}
