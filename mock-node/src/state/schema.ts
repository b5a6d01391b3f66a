import type { DatabaseSync } from 'node:sqlite';

/** Tells a mock node's file from every other SQLite database: "Mock". */
const APPLICATION_ID = 0x4d6f636b;

/** The schema, one step a version: a released step is never changed, only followed by another. */
const STEPS: readonly string[] = [
  `CREATE TABLE node (
     seed TEXT NOT NULL,
     genesis_sha256 TEXT NOT NULL,
     farmers_created INTEGER NOT NULL,
     contracts_created INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE clock (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     mode TEXT NOT NULL,
     scale REAL NOT NULL,
     start_scale REAL NOT NULL,
     node_ms REAL NOT NULL,
     real_ms REAL NOT NULL
   ) STRICT;
   CREATE TABLE farmer (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     token TEXT NOT NULL UNIQUE
   ) STRICT;
   CREATE TABLE contract (
     number INTEGER PRIMARY KEY,
     token TEXT NOT NULL,
     hash TEXT NOT NULL,
     secret TEXT NOT NULL,
     interval_ms REAL NOT NULL,
     accepted_at REAL NOT NULL,
     started_at REAL NOT NULL,
     round INTEGER NOT NULL,
     response TEXT,
     response_passed INTEGER,
     consecutive_failures INTEGER NOT NULL,
     passed INTEGER NOT NULL,
     wrong INTEGER NOT NULL,
     unanswered INTEGER NOT NULL
   ) STRICT;`,
];

/**
 * Looks whether a database is one of ours, or still nothing at all, before anything in it is touched.
 *
 * @throws Error that says why not
 */
export function checkFileKind(db: DatabaseSync): void {
  const version = numberOf(db, 'PRAGMA user_version');
  const id = numberOf(db, 'PRAGMA application_id');
  const isEmpty = version === 0 && numberOf(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  if (id !== APPLICATION_ID && !isEmpty) throw new Error('it is a database of something else');
  if (version > STEPS.length) {
    throw new Error(
      `it was written by a newer mock node (schema ${version}, this one knows ${STEPS.length}): run that version`,
    );
  }
}

/** Brings the schema to the newest version. */
export function migrate(db: DatabaseSync): void {
  const version = numberOf(db, 'PRAGMA user_version');
  for (const [done, step] of STEPS.entries()) {
    if (done < version) continue;
    db.exec(`BEGIN; ${step} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${done + 1}; COMMIT;`);
  }
}

function numberOf(db: DatabaseSync, query: string): number {
  return Number(Object.values(db.prepare(query).get() ?? {})[0]);
}
