import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getErrorCode } from '@downstream/platform/errors';
import { openDatabase, toDatabaseError } from '@downstream/platform/sqlite';
import { classifyDiskError } from '../chunks/disk-errors.ts';
import { createProbeName, ProbeError } from '../chunks/folder-probe.ts';
import { STATE_SCHEMA } from './schema.ts';

/** A new database with its write-ahead log is smaller. */
const DATABASE_BYTES = 512 * 1024;

/**
 * Creates and deletes a database like the state: SQLite needs file locks, file modes and a write-ahead log.
 *
 * @throws ProbeError
 */
export function probeState(folder: string): void {
  const path = join(folder, `${createProbeName()}.db`);
  try {
    openDatabase(path, STATE_SCHEMA).close();
  } catch (error) {
    const { code, message } = toDatabaseError(error);
    const details = { operation: 'creating a database' };
    const cause = code === 'full' ? 'ENOSPC' : (code === 'unwritable' && findSpaceError(path)) || code;
    throw new ProbeError(cause, `creating a database failed (${message})`, details);
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  }
}

/** SQLite reports the same error for a quota that is used up and for a disk that fails. */
function findSpaceError(path: string): string | undefined {
  try {
    writeFileSync(`${path}.space`, Buffer.alloc(DATABASE_BYTES));
    return undefined;
  } catch (error) {
    const code = getErrorCode(error) ?? '';
    return classifyDiskError(code) === 'full' ? code : undefined;
  } finally {
    rmSync(`${path}.space`, { force: true });
  }
}
