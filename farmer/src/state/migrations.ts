import type { DatabaseSync } from 'node:sqlite';

/** The schema, one step a version: a released step is never changed, only followed by another. */
const STEPS: readonly string[] = [
  `CREATE TABLE identity (
     node_url TEXT NOT NULL,
     address TEXT NOT NULL,
     token TEXT
   ) STRICT;
   CREATE TABLE contract (
     id TEXT PRIMARY KEY,
     source_kind TEXT NOT NULL,
     source TEXT NOT NULL,
     interval_ms REAL NOT NULL,
     taken_at REAL NOT NULL,
     round_number INTEGER NOT NULL,
     round_issued_at REAL NOT NULL,
     has_chunk INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE tally (
     name TEXT PRIMARY KEY,
     count INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * Brings the schema to the newest version.
 *
 * @throws Error where the file was written by a newer farmer
 */
export function migrate(db: DatabaseSync): void {
  const row = db.prepare('PRAGMA user_version').get();
  const version = Number(row?.['user_version']);
  if (version > STEPS.length) {
    throw new Error(
      `it was written by a newer farmer (schema ${version}, this one knows ${STEPS.length}); run that version`,
    );
  }
  for (const [done, step] of STEPS.entries()) {
    if (done < version) continue;
    db.exec(`BEGIN; ${step} PRAGMA user_version = ${done + 1}; COMMIT;`);
  }
}
