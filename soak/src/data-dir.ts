import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomio } from '@downstream/file-encryptor';

/** A directory entry under the final name of a chunk. */
export interface ChunkFile {
  readonly name: string;
  /** Undefined if the entry is not a file. */
  readonly sha256: string | undefined;
  /** The SHA-256 of the contract's chunk. Undefined if the contract is unknown. */
  readonly expected: string | undefined;
}

/** A contract in the state database. */
export interface StoredContract {
  /** The node's name for the contract. */
  readonly reference: string;
  /** The SHA-256 of its chunk. */
  readonly sha256: string;
}

/** The contracts in a database that the farmer left when it died. */
export interface StateFile {
  readonly name: string;
  readonly contracts: ReadonlySet<string>;
  /** Errors reported by SQLite's `quick_check`. */
  readonly errors: readonly string[];
}

const FINAL_NAME = /^[0-9a-f]{64}$/;

/** A read-only view of a farmer's data directory. */
export class DataDir {
  readonly path: string;
  /** The SHA-256 of chunks by their seed. */
  readonly #seeded = new Map<string, string>();

  constructor(path: string) {
    this.path = path;
  }

  chunkPath(name: string): string {
    return join(this.path, 'chunks', name);
  }

  listNames(): string[] {
    return list(join(this.path, 'chunks')).filter((name) => name !== 'downstream.json');
  }

  listPartialChunks(): string[] {
    return this.listNames().filter((name) => !FINAL_NAME.test(name));
  }

  listChunks(contracts: ReadonlyMap<string, StoredContract>): ChunkFile[] {
    return this.listNames()
      .filter((name) => FINAL_NAME.test(name))
      .map((name) => ({ name, sha256: this.hashChunk(name), expected: contracts.get(name)?.sha256 }));
  }

  /** The modification time of each chunk that exists. It changes when a chunk is rebuilt. */
  getModificationTimes(names: Iterable<string>): Map<string, number> {
    const times = new Map<string, number>();
    for (const name of names) {
      const file = statSync(this.chunkPath(name), { throwIfNoEntry: false });
      if (file !== undefined) times.set(name, file.mtimeMs);
    }
    return times;
  }

  /** The SHA-256 of a chunk; undefined if it is missing or not a file. */
  hashChunk(name: string): string | undefined {
    const path = this.chunkPath(name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  }

  readState(): StateFile {
    return this.#readStateFile('state.db');
  }

  readReplica(): StateFile {
    return this.#readStateFile('state.replica.db');
  }

  /** The contracts whose tags are stored, according to each of the two files. */
  readTags(): StateFile[] {
    const select = 'SELECT contract_id AS id FROM tag';
    return ['tags.db', 'tags.replica.db'].map((name) => this.#readIds(name, { table: 'tag', select }));
  }

  /** The contracts in the state database by id. */
  readContracts(): Map<string, StoredContract> {
    const select = 'SELECT id, reference, source_kind, source, size_bytes FROM contract';
    const { rows } = this.#read('state.db', { table: 'contract', select });
    return new Map(
      rows.map((row) => {
        const id = String(row['id']);
        const reference = row['reference'] === null ? id : String(JSON.parse(String(row['reference'])));
        const isSeeded = row['source_kind'] === 'seed';
        const sha256 = isSeeded ? this.#hashSeeded(String(row['source']), Number(row['size_bytes'])) : id;
        return [id, { reference, sha256 }];
      }),
    );
  }

  #hashSeeded(seed: string, bytes: number): string {
    const known = this.#seeded.get(seed);
    if (known !== undefined) return known;
    const hash = createHash('sha256');
    for (const piece of randomio(seed, bytes)) hash.update(piece);
    const sha256 = hash.digest('hex');
    this.#seeded.set(seed, sha256);
    return sha256;
  }

  #readStateFile(name: string): StateFile {
    return this.#readIds(name, { table: 'contract', select: 'SELECT id FROM contract' });
  }

  #readIds(name: string, query: Query): StateFile {
    const { rows, errors } = this.#read(name, query);
    return { name, contracts: new Set(rows.map((row) => String(row['id']))), errors };
  }

  /** Reads a copy, so that the write-ahead log is left for the farmer to recover. */
  #read(name: string, query: Query): Content {
    const files = list(this.path).filter((each) => [name, `${name}-wal`, `${name}-shm`].includes(each));
    if (!files.includes(name)) return { rows: [], errors: [] };
    const copy = mkdtempSync(join(tmpdir(), 'state-'));
    try {
      for (const each of files) cpSync(join(this.path, each), join(copy, each));
      return readDatabase(join(copy, name), query);
    } finally {
      rmSync(copy, { recursive: true });
    }
  }
}

/** The directory does not exist if the farmer was killed early. */
function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Rows of a table, which does not exist if the farmer was killed early. */
interface Query {
  readonly table: string;
  readonly select: string;
}

interface Content {
  readonly rows: readonly Record<string, unknown>[];
  /** Errors reported by SQLite's `quick_check`. */
  readonly errors: readonly string[];
}

function readDatabase(path: string, { table, select }: Query): Content {
  using db = new DatabaseSync(path);
  const errors = db
    .prepare('PRAGMA quick_check')
    .all()
    .map((row) => String(row['quick_check']))
    .filter((result) => result !== 'ok');
  const hasTable = db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined;
  return { rows: hasTable ? db.prepare(select).all() : [], errors };
}
