import type { Schema } from '@downstream/platform/sqlite';

/** `clock`, `heartbeat`, `record` and `contract` contain JSON. */
export const SCHEMA: Schema = {
  // "Mock"
  applicationId: 0x4d6f636b,
  version: 3,
  sql: `
  CREATE TABLE node (
    seed TEXT NOT NULL,
    genesis_sha256 TEXT NOT NULL,
    farmers_created INTEGER NOT NULL,
    contracts_created INTEGER NOT NULL,
    clock TEXT,
    heartbeat TEXT
  ) STRICT;
  CREATE TABLE farmer (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
  ) STRICT;
  CREATE TABLE contract (
    number INTEGER PRIMARY KEY,
    contract TEXT NOT NULL
  ) STRICT;
  CREATE TABLE ended_contract (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (token, hash)
  ) STRICT;`,
};
