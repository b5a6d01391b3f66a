import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { CodedError, getErrorCode } from '@downstream/platform';
import { z } from 'zod';

/** The state can't be used. */
export class StateError extends CodedError<
  'locked' | 'not_writable' | 'full' | 'damaged' | 'unusable' | 'other_identity' | 'exists'
> {}

/**
 * Opens, or makes, a SQLite file: readable by its owner alone, locked for as long as it is open, and sound.
 *
 * @throws StateError whose message says what to do; `damaged` where it is no database, or not a whole one
 */
export function openDatabase(path: string): DatabaseSync {
  return opened(path, { readOnly: false }, (db) => {
    chmodSync(path, 0o600);
    db.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT;',
    );
    const checked = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (checked !== 'ok') throw new StateError('damaged', `${path} is damaged: ${String(checked)}`);
  });
}

/**
 * Opens a SQLite file that nobody else has open, and changes nothing in it.
 *
 * @throws StateError as {@link openDatabase}
 */
export function openReadOnly(path: string): DatabaseSync {
  // Nothing is read, and no lock is seen, before the first statement.
  return opened(path, { readOnly: true }, (db) => db.prepare('SELECT count(*) FROM sqlite_schema').get());
}

/** A database that `check` found fit to be used; closed again where it is not. */
function opened(path: string, { readOnly }: { readOnly: boolean }, check: (db: DatabaseSync) => void): DatabaseSync {
  try {
    const db = new DatabaseSync(path, { readOnly, timeout: 0 });
    try {
      check(db);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw toStateError(error, path);
  }
}

/** Runs `work` as one: all of it is there afterwards, or nothing. @throws StateError where it can't be written; else what `work` throws */
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

/** As {@link inTransaction}; when it returns, what was written survives a power failure. */
export function inDurableTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('PRAGMA synchronous = FULL');
  try {
    inTransaction(db, work);
  } finally {
    db.exec('PRAGMA synchronous = NORMAL');
  }
}

/** SQLite's primary result codes; extended ones have them in their low byte. */
const LOCKED: readonly number[] = [5, 6];
const NOT_WRITABLE: readonly number[] = [3, 8, 14];
const NOT_WRITABLE_FILE: readonly string[] = ['EROFS', 'EACCES', 'EPERM'];
const DAMAGED: readonly number[] = [11, 26];
const FULL = 13;
/** Extended codes: bytes that the disk does not give back, or gives back short, or that its file system calls damaged. */
const UNREADABLE: readonly number[] = [266, 522, 8458];

/** The extended result code of an error of SQLite's; undefined for any other. */
function getResultCode(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) : undefined;
}

export function toStateError(error: unknown, path: string): StateError {
  if (error instanceof StateError) return error;
  const extended = getResultCode(error) ?? 0;
  const errcode = extended & 0xff;
  if (LOCKED.includes(errcode)) {
    return new StateError(
      'locked',
      `${path} is in use: another farmer runs on this data directory; stop it, or use another FARMER_DATA_DIR`,
    );
  }
  if (NOT_WRITABLE.includes(errcode) || NOT_WRITABLE_FILE.includes(getErrorCode(error) ?? '')) {
    return new StateError(
      'not_writable',
      `${path} can't be written: check FARMER_DATA_DIR, its owner and permissions, and that its disk is mounted writable`,
    );
  }
  if (errcode === FULL) return new StateError('full', `${path} can't be written, its disk is full: free some space`);
  if (DAMAGED.includes(errcode) || UNREADABLE.includes(extended) || error instanceof z.ZodError)
    return new StateError(
      'damaged',
      `${path} is damaged, or no state of a farmer: start the farmer, which makes it again from a sound second copy, or put a backup in its place`,
    );
  const why = error instanceof Error ? error.message : (getErrorCode(error) ?? 'unknown');
  return new StateError('unusable', `${path} can't be used as the farmer's state: ${why}`, {}, { cause: error });
}
