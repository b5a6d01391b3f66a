import type { DatabaseSync } from 'node:sqlite';
import type { Schema } from '@downstream/platform/sqlite';
import { HEARTBEAT_TABLE } from './heartbeat.ts';
import { JOURNAL_START_TABLE } from './journal-start.ts';
import { RESULTS_GAP_TABLE } from './results-gap.ts';

const REGISTRY_TABLES = `
  CREATE TABLE farm (
    id TEXT NOT NULL,
    address TEXT NOT NULL
  ) STRICT;
  CREATE TABLE node (
    -- Never used again: contracts that only the replica has may belong to a node that was removed.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL UNIQUE,
    token TEXT,
    exit_state TEXT NOT NULL DEFAULT 'active',
    -- Of its token and contracts; NULL: prototype, or not known yet.
    api TEXT
  ) STRICT;
  CREATE TABLE disk (
    id TEXT PRIMARY KEY,
    path TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;`;

const TERMS_COLUMNS = `
    id TEXT PRIMARY KEY,
    node_id INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source TEXT NOT NULL,
    interval_ms REAL NOT NULL,
    accepted_at REAL NOT NULL,
    -- JSON; NULL: the id.
    reference TEXT,
    -- NULL: the size of the genesis file.
    size_bytes INTEGER,
    proof TEXT NOT NULL DEFAULT 'digest',
    challenge_count INTEGER`;

/** The clocks at one moment, which connect the rounds of a node's contracts with the next process. */
const TIME_MARK_TABLE = `
  CREATE TABLE IF NOT EXISTS time_mark (
    node_id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    boot_id TEXT,
    uptime_ms REAL,
    wall_ahead_ms REAL NOT NULL,
    node_ahead_min_ms REAL,
    node_ahead_max_ms REAL
  ) STRICT;`;

export const STATE_SCHEMA: Schema = {
  // "Farm"
  applicationId: 0x4661726d,
  version: 1,
  sql: `${REGISTRY_TABLES}
  CREATE TABLE contract (${TERMS_COLUMNS},
    round_number INTEGER NOT NULL,
    round_issued_at REAL NOT NULL,
    had_chunk INTEGER NOT NULL,
    settled_challenge TEXT,
    outcome_unknown INTEGER NOT NULL DEFAULT 0,
    lapsed INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE challenge_total (
    node_id INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (node_id, outcome)
  ) STRICT, WITHOUT ROWID;
  ${TIME_MARK_TABLE}
  ${HEARTBEAT_TABLE}
  ${RESULTS_GAP_TABLE}
  ${JOURNAL_START_TABLE}
  CREATE TABLE scrub (
    started_at REAL NOT NULL,
    cursor TEXT NOT NULL,
    completed_at REAL
  ) STRICT;
  CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    contract_id TEXT NOT NULL,
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
    attempts INTEGER NOT NULL,
    interval_ms REAL NOT NULL DEFAULT 0
  ) STRICT;`,
};

const COLUMNS_ADDED_TO_TERMS = [
  { table: 'node', column: 'api', type: 'TEXT' },
  { table: 'contract', column: 'reference', type: 'TEXT' },
  { table: 'contract', column: 'size_bytes', type: 'INTEGER' },
  { table: 'contract', column: 'proof', type: "TEXT NOT NULL DEFAULT 'digest'" },
  { table: 'contract', column: 'challenge_count', type: 'INTEGER' },
];
const COLUMNS_ADDED_TO_STATE = [
  ...COLUMNS_ADDED_TO_TERMS,
  { table: 'contract', column: 'outcome_unknown', type: 'INTEGER NOT NULL DEFAULT 0' },
  { table: 'contract', column: 'lapsed', type: 'INTEGER NOT NULL DEFAULT 0' },
  { table: 'journal', column: 'interval_ms', type: 'REAL NOT NULL DEFAULT 0' },
];

/** Adds tables and columns to a state that an earlier version created. Writes nothing if it has all of them. */
export function upgradeState(db: DatabaseSync): void {
  db.exec(`${TIME_MARK_TABLE} ${HEARTBEAT_TABLE} ${RESULTS_GAP_TABLE} ${JOURNAL_START_TABLE}`);
  addColumns(db, COLUMNS_ADDED_TO_STATE);
}

/** As {@link upgradeState}, for a replica. */
export function upgradeReplica(db: DatabaseSync): void {
  db.exec(HEARTBEAT_TABLE);
  addColumns(db, COLUMNS_ADDED_TO_TERMS);
}

function addColumns(db: DatabaseSync, columns: typeof COLUMNS_ADDED_TO_STATE): void {
  for (const { table, column, type } of columns) {
    const found = db.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(table, column);
    if (found === undefined) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  }
}

export const REPLICA_SCHEMA: Schema = {
  // "FarR"
  applicationId: 0x46617252,
  version: 1,
  sql: `${REGISTRY_TABLES}
  CREATE TABLE contract (${TERMS_COLUMNS}
  ) STRICT, WITHOUT ROWID;
  ${HEARTBEAT_TABLE}`,
};
