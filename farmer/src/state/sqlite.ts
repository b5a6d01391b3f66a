import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { CodedError, getErrorCode } from '@downstream/platform';
import { z } from 'zod';
import type { Schema } from './schema.ts';

/** The state cannot be used. */
export class StateError extends CodedError<
  'locked' | 'not_writable' | 'full' | 'damaged' | 'unusable' | 'other_identity' | 'exists'
> {}

/**
 * Opens or creates a SQLite file with this schema, readable only by its owner and locked until it is closed.
 *
 * @throws StateError with a remedy; `damaged` if the file is not a database or fails the integrity check
 */
export function openDatabase(path: string, schema: Schema): DatabaseSync {
  return open(path, { readOnly: false }, (db) => {
    const isEmpty = checkSchema(db, path, schema);
    chmodSync(path, 0o600);
    db.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT;',
    );
    const result = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (result !== 'ok') throw new StateError('damaged', `${path} is damaged: ${String(result)}`);
    if (isEmpty) createSchema(db, schema);
  });
}

/**
 * Opens a SQLite file that no other process has open, without changing it.
 *
 * @throws StateError as {@link openDatabase}
 */
export function openReadOnly(path: string, schema: Schema): DatabaseSync {
  return open(path, { readOnly: true }, (db) => {
    if (checkSchema(db, path, schema)) throw new StateError('unusable', `${path} is empty: start the farmer once`);
  });
}

/** Opens a file, and closes it again if `prepare` throws. */
function open(path: string, { readOnly }: { readOnly: boolean }, prepare: (db: DatabaseSync) => void): DatabaseSync {
  try {
    const db = new DatabaseSync(path, { readOnly, timeout: 0 });
    try {
      prepare(db);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw toStateError(error, path);
  }
}

/** @returns whether the database is empty @throws StateError if it belongs to another application or version */
function checkSchema(db: DatabaseSync, path: string, { applicationId, version }: Schema): boolean {
  const found = readPragma(db, 'user_version');
  if (readPragma(db, 'application_id') !== applicationId) {
    const tables = Number(db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']);
    if (tables === 0 && found === 0) return true;
    throw new StateError('unusable', `${path} is a database of another program: use another FARMER_DATA_DIR`);
  }
  if (found === version) return false;
  const age = found > version ? 'a newer' : 'an older';
  throw new StateError(
    'unusable',
    `${path} was written by ${age} version of the farmer (schema ${found}, expected ${version}): run that version`,
  );
}

function createSchema(db: DatabaseSync, { applicationId, version, sql }: Schema): void {
  db.exec(`BEGIN; ${sql} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}; COMMIT;`);
}

function readPragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/**
 * Runs `work` in a transaction.
 *
 * @throws StateError if the database cannot be written; otherwise whatever `work` throws
 */
export function inTransaction(db: DatabaseSync, work: () => void): void {
  try {
    db.exec('BEGIN');
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw getResultCode(error) === undefined ? error : toStateError(error, db.location() ?? 'the state');
  }
}

/** As {@link inTransaction}; the result survives a power failure once this returns. */
export function inDurableTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('PRAGMA synchronous = FULL');
  try {
    inTransaction(db, work);
  } finally {
    db.exec('PRAGMA synchronous = NORMAL');
  }
}

/** SQLite's primary result codes; the low byte of an extended code. */
const LOCKED: readonly number[] = [5, 6];
const NOT_WRITABLE: readonly number[] = [3, 8, 14];
const NOT_WRITABLE_FILE: readonly string[] = ['EROFS', 'EACCES', 'EPERM'];
const DAMAGED: readonly number[] = [11, 26];
const FULL = 13;
/** Extended codes: the disk returns an error or too few bytes, or the file system reports damage. */
const UNREADABLE: readonly number[] = [266, 522, 8458];

/** The extended result code of a SQLite error; undefined for other errors. */
function getResultCode(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) : undefined;
}

export function toStateError(error: unknown, path: string): StateError {
  if (error instanceof StateError) return error;
  const extended = getResultCode(error) ?? 0;
  const primary = extended & 0xff;
  if (LOCKED.includes(primary)) {
    return new StateError(
      'locked',
      `${path} is in use by another farmer: stop that one, or use another FARMER_DATA_DIR`,
    );
  }
  if (NOT_WRITABLE.includes(primary) || NOT_WRITABLE_FILE.includes(getErrorCode(error) ?? '')) {
    return new StateError(
      'not_writable',
      `${path} is not writable: check FARMER_DATA_DIR, the owner and permissions, and that the disk is mounted writable`,
    );
  }
  if (primary === FULL) return new StateError('full', `${path} cannot be written: the disk is full; free some space`);
  if (DAMAGED.includes(primary) || UNREADABLE.includes(extended) || error instanceof z.ZodError) {
    return new StateError(
      'damaged',
      `${path} is damaged or not a farmer's state: start the farmer, which restores it from the replica, or restore a backup`,
    );
  }
  const reason = error instanceof Error ? error.message : (getErrorCode(error) ?? 'unknown');
  return new StateError('unusable', `${path} cannot be used as the farmer's state: ${reason}`, {}, { cause: error });
}
