import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '@downstream/platform';
import { writeBackup } from './backup.ts';
import { Journal } from './journal.ts';
import { isCurrentSchema } from './schema.ts';
import { openReadOnly, StateError } from './sqlite.ts';
import { STATE_FILE } from './state-files.ts';

/** The state of a farmer that does not run, read and left as it is. */
export class StateReader {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #clock: Pick<Clock, 'toWallTime' | 'toInstant'>;

  private constructor(
    db: DatabaseSync,
    { path, clock }: { path: string; clock: Pick<Clock, 'toWallTime' | 'toInstant'> },
  ) {
    this.#db = db;
    this.#path = path;
    this.#clock = clock;
  }

  /** @returns undefined where there is no state. @throws StateError `locked`, `damaged` */
  static open(folder: string, clock: Pick<Clock, 'toWallTime' | 'toInstant'>): StateReader | undefined {
    const path = join(folder, STATE_FILE);
    return existsSync(path) ? new StateReader(openReadOnly(path), { path, clock }) : undefined;
  }

  /** @throws StateError where another version of the farmer has written it */
  journal(): Journal {
    if (!isCurrentSchema(this.#db)) {
      throw new StateError(
        'unusable',
        `${this.#path} was written by another version of the farmer: start this one on it once, or ask with that one`,
      );
    }
    return new Journal({ size: 0 }, { db: this.#db, clock: this.#clock });
  }

  /** As `StateStore.backup`. */
  async backup(path: string): Promise<number> {
    return await writeBackup(this.#db, path);
  }

  close(): void {
    this.#db.close();
  }
}
