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
     accepted_at REAL NOT NULL,
     round_number INTEGER NOT NULL,
     round_issued_at REAL NOT NULL,
     has_chunk INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE tally (
     name TEXT PRIMARY KEY,
     count INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // Several nodes, each with its token and totals; a journal of the last challenges; where the scrub is; the farm's own name.
  `CREATE TABLE farm (
     id TEXT NOT NULL,
     address TEXT NOT NULL
   ) STRICT;
   CREATE TABLE node (
     id INTEGER PRIMARY KEY,
     url TEXT NOT NULL UNIQUE,
     token TEXT,
     leaving TEXT NOT NULL DEFAULT 'no'
   ) STRICT;
   INSERT INTO farm (id, address) SELECT lower(hex(randomblob(16))), address FROM identity;
   INSERT INTO node (id, url, token) SELECT 1, node_url, token FROM identity;
   DROP TABLE identity;
   ALTER TABLE contract ADD COLUMN node_id INTEGER NOT NULL DEFAULT 1;
   ALTER TABLE tally RENAME TO tally_of_all;
   CREATE TABLE tally (
     node_id INTEGER NOT NULL,
     name TEXT NOT NULL,
     count INTEGER NOT NULL,
     PRIMARY KEY (node_id, name)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO tally (node_id, name, count) SELECT 1, name, count FROM tally_of_all;
   DROP TABLE tally_of_all;
   CREATE TABLE disk (
     id TEXT PRIMARY KEY,
     path TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE scrub (
     started_at REAL NOT NULL,
     cursor TEXT NOT NULL,
     completed_at REAL
   ) STRICT;
   CREATE TABLE journal (
     seq INTEGER PRIMARY KEY,
     contract TEXT NOT NULL,
     round INTEGER NOT NULL,
     count INTEGER NOT NULL,
     outcome TEXT NOT NULL,
     cause TEXT,
     due_at REAL NOT NULL,
     settled_at REAL NOT NULL,
     received_at REAL,
     queued_at REAL,
     read_at REAL,
     hashed_at REAL,
     sent_at REAL,
     acknowledged_at REAL,
     attempts INTEGER NOT NULL
   ) STRICT;`,
  // A challenge that had its verdict, and may still be listed, is not answered again after a restart.
  'ALTER TABLE contract ADD COLUMN settled TEXT;',
];

/**
 * Brings the schema to the newest version.
 *
 * @throws Error where the file was written by a newer farmer
 */
export function migrate(db: DatabaseSync): void {
  const version = readSchemaVersion(db);
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

/** Whether there is nothing to migrate. */
export function isCurrentSchema(db: DatabaseSync): boolean {
  return readSchemaVersion(db) === STEPS.length;
}

function readSchemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
}
