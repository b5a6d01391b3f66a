import { accessSync, chmodSync, constants, lstatSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { CodedError, getErrorCode } from './errors.ts';

/** How long a thread waits for others that create, close or recover a shared database. */
const SHARED_TIMEOUT_MS = 10_000;

/** The tables of a database file. */
export interface Schema {
  /** Distinguishes the files of one program from all other SQLite databases. */
  readonly applicationId: number;
  readonly version: number;
  readonly sql: string;
}

/** A database cannot be used. The message is the reason; the remedy depends on the service. */
export class DatabaseError extends CodedError<
  'locked' | 'unwritable' | 'full' | 'damaged' | 'foreign' | 'not_a_file' | 'empty' | 'other_version' | 'failed'
> {}

/**
 * Opens or creates a database with this schema. Only its owner can read the file, and it is locked until it is closed.
 * A file that does not pass all checks is not changed, nor is what a link points to.
 *
 * @throws DatabaseError
 */
export function openDatabase(path: string, schema: Schema): DatabaseSync {
  return open(path, { readOnly: false }, (db) => {
    // Before the first read: SQLite then needs no -shm file.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    const isEmpty = checkSchema(db, schema);
    checkIntegrity(db);
    protect(path);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT;');
    if (isEmpty) createTables(db, schema);
  });
}

/**
 * Opens or creates a database that several threads of one process may have open, so that some read while another
 * writes. Changes survive a power failure as soon as they are committed.
 *
 * The caller must ensure that no other process writes, and that threads write and create one after the other. Does not
 * check the integrity.
 *
 * @throws DatabaseError
 */
export function openShared(path: string, schema: Schema): DatabaseSync {
  return open(path, { readOnly: false, timeoutMs: SHARED_TIMEOUT_MS }, (db) => {
    const isEmpty = checkSchema(db, schema);
    protect(path);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    if (isEmpty) createTables(db, schema);
  });
}

/** @throws DatabaseError `damaged` */
export function checkIntegrity(db: DatabaseSync): void {
  const result = String(db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']);
  if (result !== 'ok') throw new DatabaseError('damaged', `integrity check failed: ${result.split('\n').at(-1)}`);
}

function protect(path: string): void {
  // An unchanged file keeps its change time, which shows whether it was copied.
  if ((lstatSync(path).mode & 0o777) !== 0o600) chmodSync(path, 0o600);
}

/**
 * Opens a database that no other process has open, without changing it.
 *
 * @param options `immutable`: creates no files beside the database. Its write-ahead log is not read, and no other
 *   process may start to write. `isShared`: other threads may have opened it with {@link openShared}
 * @throws DatabaseError
 */
export function openReadOnly(path: string, schema: Schema, { immutable = false, isShared = false } = {}): DatabaseSync {
  return open(path, { readOnly: true, immutable, timeoutMs: isShared ? SHARED_TIMEOUT_MS : 0 }, (db) => {
    if (checkSchema(db, schema)) throw new DatabaseError('empty', 'the database is empty');
  });
}

/** Opens a file, and closes it again if `prepare` throws. */
function open(
  path: string,
  { readOnly, immutable = false, timeoutMs = 0 }: { readOnly: boolean; immutable?: boolean; timeoutMs?: number },
  prepare: (db: DatabaseSync) => void,
): DatabaseSync {
  try {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry?.isFile() === false)
      throw new DatabaseError(
        'not_a_file',
        entry.isSymbolicLink() ? 'it is a symbolic link' : 'it is not a regular file',
      );
    // SQLite opens a read-only file all the same, and leaves -wal and -shm files that are read-only too.
    if (!readOnly && entry !== undefined) accessSync(path, constants.W_OK);
    const location = immutable ? new URL('?immutable=1', pathToFileURL(path)) : path;
    const db = new DatabaseSync(location, { readOnly, timeout: timeoutMs });
    try {
      prepare(db);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    const failure = toDatabaseError(error);
    if (failure.code !== 'unwritable' || !hasNoFreeInodes(dirname(path))) throw failure;
    throw new DatabaseError('full', 'its file system has no free inodes', {}, { cause: error });
  }
}

/** SQLite reports the same error for a missing permission and for a file system that cannot hold another file. */
function hasNoFreeInodes(folder: string): boolean {
  try {
    const { files, ffree } = statfsSync(folder);
    return files > 0 && ffree === 0;
  } catch {
    return false;
  }
}

/** @returns whether the database is empty */
function checkSchema(db: DatabaseSync, { applicationId, version }: Schema): boolean {
  const actualVersion = readNumber(db, 'PRAGMA user_version');
  if (readNumber(db, 'PRAGMA application_id') !== applicationId) {
    if (actualVersion === 0 && readNumber(db, 'SELECT count(*) FROM sqlite_schema') === 0) return true;
    throw new DatabaseError('foreign', 'the file is a database of another program');
  }
  if (actualVersion === version) return false;
  const age = actualVersion > version ? 'a newer' : 'an older';
  throw new DatabaseError(
    'other_version',
    `the file was written by ${age} version of this program (schema ${actualVersion}, expected ${version})`,
  );
}

function createTables(db: DatabaseSync, { applicationId, version, sql }: Schema): void {
  db.exec(`BEGIN; ${sql} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}; COMMIT;`);
}

function readNumber(db: DatabaseSync, query: string): number {
  return Number(Object.values(db.prepare(query).get() ?? {})[0]);
}

/**
 * Runs `work` in a transaction, which is rolled back if it throws. Within a transaction, `work` becomes part of it.
 *
 * @throws DatabaseError if SQLite fails; otherwise whatever `work` throws
 */
export function inTransaction(db: DatabaseSync, work: () => void): void {
  if (db.isTransaction) {
    work();
    return;
  }
  try {
    db.exec('BEGIN');
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw getResultCode(error) === undefined ? error : toDatabaseError(error);
  }
}

/** Primary result codes of SQLite: the low byte of an extended code. */
const LOCKED: readonly number[] = [5, 6];
const UNWRITABLE: readonly number[] = [3, 8, 14];
/** Extended code of a failed write. SQLite does not distinguish a quota that is used up from a disk that fails. */
const WRITE_FAILED = 778;
const UNWRITABLE_FILE: readonly string[] = ['EROFS', 'EACCES', 'EPERM'];
const DAMAGED: readonly number[] = [11, 26];
const FULL = 13;
/** Extended code: the disk has no space for the index of a shared write-ahead log. */
const INDEX_NOT_ENLARGED = 4874;
/** Extended codes: the disk returns an error or too few bytes, or the file system reports damage. */
const UNREADABLE: readonly number[] = [266, 522, 8458];

/** The extended result code of a SQLite error; undefined for other errors. */
function getResultCode(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) : undefined;
}

export function toDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = error instanceof Error ? error.message : (getErrorCode(error) ?? 'unknown error');
  return new DatabaseError(classify(error), message, {}, { cause: error });
}

function classify(error: unknown): DatabaseError['code'] {
  const extended = getResultCode(error) ?? 0;
  const primary = extended & 0xff;
  if (LOCKED.includes(primary)) return 'locked';
  if (UNWRITABLE.includes(primary) || extended === WRITE_FAILED || UNWRITABLE_FILE.includes(getErrorCode(error) ?? ''))
    return 'unwritable';
  if (primary === FULL || extended === INDEX_NOT_ENLARGED) return 'full';
  if (DAMAGED.includes(primary) || UNREADABLE.includes(extended)) return 'damaged';
  return 'failed';
}
