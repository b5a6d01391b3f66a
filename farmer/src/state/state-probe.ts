import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, toDatabaseError } from '@downstream/platform/sqlite';
import { createProbeName, ProbeError } from '../chunks/folder-probe.ts';
import { STATE_SCHEMA } from './schema.ts';

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
    throw new ProbeError(code === 'full' ? 'ENOSPC' : code, `creating a database failed (${message})`, details);
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  }
}
