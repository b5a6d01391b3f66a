import type { DatabaseSync } from 'node:sqlite';
import { CodedError } from '@downstream/platform';
import * as sqlite from '@downstream/platform/sqlite';
import { z } from 'zod';

/** The state cannot be used. The message includes a remedy. */
export class StateError extends CodedError<
  'locked' | 'not_writable' | 'full' | 'damaged' | 'unusable' | 'other_identity' | 'exists'
> {}

/** @throws StateError; `damaged` if the file is not a database or fails the integrity check */
export function openDatabase(path: string, schema: sqlite.Schema): DatabaseSync {
  return translateErrors(path, () => sqlite.openDatabase(path, schema));
}

/** @throws StateError, like {@link openDatabase} */
export function openReadOnly(path: string, schema: sqlite.Schema, options = { immutable: false }): DatabaseSync {
  return translateErrors(path, () => sqlite.openReadOnly(path, schema, options));
}

/** @throws StateError if the database cannot be written; otherwise whatever `work` throws */
export function inTransaction(db: DatabaseSync, work: () => void): void {
  translateErrors(db.location() ?? 'the state', () => sqlite.inTransaction(db, work));
}

/** Like {@link inTransaction}, but the result survives a power failure once this returns. */
export function inDurableTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('PRAGMA synchronous = FULL');
  try {
    inTransaction(db, work);
  } finally {
    db.exec('PRAGMA synchronous = NORMAL');
  }
}

function translateErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof sqlite.DatabaseError ? toStateError(error, path) : error;
  }
}

export function createLockedError(path: string): StateError {
  return new StateError('locked', `${path} is in use by another farmer: stop that one, or use another FARMER_DATA_DIR`);
}

export function toStateError(error: unknown, path: string): StateError {
  if (error instanceof StateError) return error;
  const { code, message } = sqlite.toDatabaseError(error);
  switch (error instanceof z.ZodError ? 'damaged' : code) {
    case 'locked':
      return createLockedError(path);
    case 'unwritable':
      return new StateError(
        'not_writable',
        `${path} is not writable: check FARMER_DATA_DIR, the owner and permissions, quotas, and that the disk is mounted writable`,
      );
    case 'full':
      return new StateError('full', `${path} cannot be written (${message}): free some space or inodes`);
    case 'damaged':
      return new StateError(
        'damaged',
        `${path} is damaged or not a farmer's state: start the farmer, which restores it from the replica, or restore a backup`,
      );
    case 'not_a_file':
      return new StateError(
        'unusable',
        `${path} cannot be used: ${message}; replace it by the file itself, or set FARMER_DATA_DIR to the directory of the original`,
      );
    case 'foreign':
      return new StateError('unusable', `${path} is a database of another program: check FARMER_DATA_DIR`);
    case 'empty':
      return new StateError('unusable', `${path} is empty: start the farmer once`);
    case 'other_version':
      return new StateError('unusable', `${path} cannot be used: ${message}; run that version`);
    case 'failed':
      return new StateError(
        'unusable',
        `${path} cannot be used as the farmer's state: ${message}`,
        {},
        { cause: error },
      );
  }
}
