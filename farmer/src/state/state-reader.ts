import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '@downstream/platform';
import { writeBackup } from './backup.ts';
import { Journal } from './journal.ts';
import { STATE_SCHEMA } from './schema.ts';
import { openReadOnly } from './sqlite.ts';
import { STATE_FILE } from './state-files.ts';

/** Reads the state of a farmer that is not running. */
export class StateReader {
  readonly journal: Journal;
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync, clock: Pick<Clock, 'toWallTime' | 'toInstant'>) {
    this.#db = db;
    this.journal = new Journal({ size: 0 }, { db, clock });
  }

  /** @returns undefined if there is no state @throws StateError `locked`, `damaged`, `unusable` */
  static open(folder: string, clock: Pick<Clock, 'toWallTime' | 'toInstant'>): StateReader | undefined {
    const path = join(folder, STATE_FILE);
    return existsSync(path) ? new StateReader(openReadOnly(path, STATE_SCHEMA), clock) : undefined;
  }

  /** As {@link writeBackup}. */
  async backup(path: string): Promise<number> {
    return await writeBackup(this.#db, path);
  }

  close(): void {
    this.#db.close();
  }
}
