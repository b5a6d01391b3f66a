import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A directory entry under the final name of a chunk. */
export interface ChunkFile {
  readonly name: string;
  /** Undefined if the entry is not a file. */
  readonly sha256: string | undefined;
}

/** What the state database, or its replica, holds after the farmer has died. */
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

  listChunks(): ChunkFile[] {
    return this.listNames()
      .filter((name) => FINAL_NAME.test(name))
      .map((name) => ({ name, sha256: this.hashChunk(name) }));
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

  /** Reads a copy, so that the write-ahead log is left for the farmer to recover. */
  #readStateFile(name: string): StateFile {
    const files = list(this.path).filter((each) => [name, `${name}-wal`, `${name}-shm`].includes(each));
    if (!files.includes(name)) return { name, contracts: new Set(), errors: [] };
    const copy = mkdtempSync(join(tmpdir(), 'state-'));
    try {
      for (const each of files) cpSync(join(this.path, each), join(copy, each));
      return { name, ...readDatabase(join(copy, name)) };
    } finally {
      rmSync(copy, { recursive: true });
    }
  }
}

/** The directory does not exist if the farmer was killed early. */
function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function readDatabase(path: string): Omit<StateFile, 'name'> {
  using db = new DatabaseSync(path);
  const errors = db
    .prepare('PRAGMA quick_check')
    .all()
    .map((row) => String(row['quick_check']))
    .filter((result) => result !== 'ok');
  // A farmer that was killed early has no schema yet.
  const hasSchema = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'contract'").get() !== undefined;
  const rows = hasSchema ? db.prepare('SELECT id FROM contract').all() : [];
  return { contracts: new Set(rows.map((row) => String(row['id']))), errors };
}
