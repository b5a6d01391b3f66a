import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@downstream/platform';
import { addTagsToBackup } from '../tags/tag-backup.ts';
import { writeBackup } from './backup.ts';
import { Journal } from './journal.ts';
import { STATE_SCHEMA } from './schema.ts';
import { createLockedError, openReadOnly, StateError } from './sqlite.ts';
import { STATE_FILE } from './state-files.ts';
import type { StateStore } from './state-store.ts';

export interface StateReader extends Pick<StateStore, 'journal' | 'close'> {
  /** As {@link writeBackup}. */
  backup(path: string): Promise<number>;
}

/**
 * Opens the state of a farmer that is not running.
 *
 * @returns undefined if there is no state
 * @throws StateError `locked`, `damaged`, `unusable`
 */
export function openStateReader(
  folder: string,
  clock: Pick<Clock, 'toWallTime' | 'toInstant'>,
): StateReader | undefined {
  const path = join(folder, STATE_FILE);
  if (!existsSync(path)) return undefined;
  const db = openReadOnly(path, STATE_SCHEMA);
  return {
    journal: new Journal({ size: 0 }, { db, clock }),
    backup: async (file) => await writeBackup(db, file, async (copy) => addTagsToBackup(folder, copy)),
    close: () => db.close(),
  };
}

/** @throws StateError if a farmer uses the state in a folder */
export function assertStateNotLocked(folder: string): void {
  if (isStateLocked(folder)) throw createLockedError(join(folder, STATE_FILE));
}

/** Whether a farmer uses the state in a folder. A state that cannot be read counts as not used. */
export function isStateLocked(folder: string): boolean {
  const path = join(folder, STATE_FILE);
  // An open state has a write-ahead log. Opening one that is not in use would create files beside it.
  if (!existsSync(`${path}-wal`)) return false;
  try {
    openReadOnly(path, STATE_SCHEMA).close();
    return false;
  } catch (error) {
    return error instanceof StateError && error.code === 'locked';
  }
}
