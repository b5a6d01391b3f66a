import { randomUUID } from 'node:crypto';
import { lstatSync, writeFileSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { flush } from '@downstream/platform';
import { markAsBackup } from './heartbeat.ts';
import { StateError } from './sqlite.ts';

/** Adds the tags of contracts to a copy of the state. */
export type AddTags = (copyPath: string) => Promise<void>;

/**
 * Writes a consistent copy of a state to a new file, readable only by its owner. The state remains in use. Tags are
 * added afterwards, so only those of contracts that ended meanwhile are missing.
 *
 * @returns its size in bytes
 * @throws StateError `exists`, `not_writable`
 */
export async function writeBackup(db: DatabaseSync, path: string, addTags: AddTags): Promise<number> {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    throw new StateError('exists', `${path} already exists: choose another file name`);
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    writeFileSync(partial, '', { mode: 0o600, flag: 'wx' });
    await backup(db, partial);
    markCopy(partial);
    await addTags(partial);
    await flush(partial);
    await rename(partial, path);
    await flush(dirname(path));
    return (await stat(path)).size;
  } catch (error) {
    await rm(partial, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new StateError('not_writable', `the backup ${path} cannot be written: ${reason}`, {}, { cause: error });
  }
}

function markCopy(path: string): void {
  // Closing it merges the write-ahead log into the file.
  using copy = new DatabaseSync(path);
  markAsBackup(copy);
}
