import type { Schema } from '@downstream/platform/sqlite';

export const SCHEMA: Schema = {
  // "Mock"
  applicationId: 0x4d6f636b,
  version: 1,
  sql: `
  CREATE TABLE node (
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
};
