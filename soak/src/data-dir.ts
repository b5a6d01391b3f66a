import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A file under a chunk's final name. */
export interface ChunkFile {
  readonly name: string;
  /** Undefined for what is no file, such as a folder. */
  readonly sha256: string | undefined;
}

/** A file of a farmer's state, as a farmer that is dead left it. */
export interface StateFile {
  readonly name: string;
  readonly contracts: ReadonlySet<string>;
  /** What SQLite finds wrong with it. */
  readonly complaints: readonly string[];
}

const FINAL_NAME = /^[0-9a-f]{64}$/;

/** A data directory, looked at from outside; what it holds is not changed by looking. */
export class DataDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  chunkPath(name: string): string {
    return join(this.path, 'chunks', name);
  }

  /** Every name in the folder of chunks. */
  names(): string[] {
    return namesIn(join(this.path, 'chunks'));
  }

  /** Names of chunks that are half-written, or left so. */
  partial(): string[] {
    return this.names().filter((name) => !FINAL_NAME.test(name));
  }

  /** Every file under a final name, and its hash. */
  chunks(): ChunkFile[] {
    return this.names()
      .filter((name) => FINAL_NAME.test(name))
      .map((name) => ({ name, sha256: this.hashOf(name) }));
  }

  /** When each of these chunks was written: one that is made again is another file. Those that are not there are left out. */
  writtenAt(names: Iterable<string>): Map<string, number> {
    const times = new Map<string, number>();
    for (const name of names) {
      const file = statSync(this.chunkPath(name), { throwIfNoEntry: false });
      if (file !== undefined) times.set(name, file.mtimeMs);
    }
    return times;
  }

  /** The hash of what is there; undefined for nothing, or for what is no file. */
  hashOf(name: string): string | undefined {
    const path = this.chunkPath(name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  }

  /** The state itself. */
  state(): StateFile {
    return this.#stateFile('state.db');
  }

  /** Its second copy. */
  mirror(): StateFile {
    return this.#stateFile('state.mirror.db');
  }

  /** A copy is opened: the log that was left behind is for the farmer to read. */
  #stateFile(name: string): StateFile {
    const files = namesIn(this.path).filter((each) => [name, `${name}-wal`, `${name}-shm`].includes(each));
    if (!files.includes(name)) return { name, contracts: new Set(), complaints: [] };
    const copy = mkdtempSync(join(tmpdir(), 'state-'));
    try {
      for (const each of files) cpSync(join(this.path, each), join(copy, each));
      return { name, ...readState(join(copy, name)) };
    } finally {
      rmSync(copy, { recursive: true });
    }
  }
}

/** A farmer that was killed at once has made no folder. */
function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readState(path: string): Omit<StateFile, 'name'> {
  using db = new DatabaseSync(path);
  const complaints = db
    .prepare('PRAGMA quick_check')
    .all()
    .map((row) => String(row['quick_check']))
    .filter((word) => word !== 'ok');
  // Killed before its first schema was there.
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'contract'").get() === undefined;
  const rows = isEmpty ? [] : db.prepare('SELECT id FROM contract').all();
  return { contracts: new Set(rows.map((row) => String(row['id']))), complaints };
}
