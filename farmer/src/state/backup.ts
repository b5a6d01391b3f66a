import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { backup, type DatabaseSync } from 'node:sqlite';
import { flush } from '@downstream/platform';
import { StateError } from './sqlite.ts';

/**
 * Writes a consistent copy of a state to a new file, readable by its owner alone, while everything goes on.
 *
 * @returns its size in bytes
 * @throws StateError `exists`, `not_writable`
 */
export async function writeBackup(db: DatabaseSync, path: string): Promise<number> {
  if (existsSync(path)) throw new StateError('exists', `${path} is there already: name a file that is not`);
  const partial = `${path}.partial`;
  try {
    rmSync(partial, { force: true });
    writeFileSync(partial, '', { mode: 0o600, flag: 'wx' });
    await backup(db, partial);
    await flush(partial);
    await rename(partial, path);
    await flush(dirname(path));
    return (await stat(path)).size;
  } catch (error) {
    await rm(partial, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('not_writable', `no backup could be written to ${path}: ${why}`, {}, { cause: error });
  }
}
