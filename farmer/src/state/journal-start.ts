import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';

export const JOURNAL_START_TABLE = `
  CREATE TABLE IF NOT EXISTS journal_start (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    after_sequence INTEGER NOT NULL,
    at_wall REAL NOT NULL
  ) STRICT;`;

/** Where the part of the journal starts that has no gap, and whose times are of one system clock. */
export interface JournalStart {
  readonly afterSequence: number;
  readonly atWall: number;
}

const startRow = z.object({ after_sequence: z.number(), at_wall: z.number() });
const sequenceRow = z.object({ sequence: z.number().nullable() });

export function readJournalStart(db: DatabaseSync): JournalStart | undefined {
  const found = db.prepare('SELECT after_sequence, at_wall FROM journal_start').get();
  if (found === undefined) return undefined;
  const { after_sequence: afterSequence, at_wall: atWall } = startRow.parse(found);
  return { afterSequence, atWall };
}

/** Moves the start to the next entry. Earlier ones still explain single challenges. Must be called in a transaction. */
export function restartJournal(db: DatabaseSync, atWall: number): void {
  const { sequence } = sequenceRow.parse(db.prepare('SELECT max(sequence) AS sequence FROM journal').get());
  db.prepare('INSERT OR REPLACE INTO journal_start (id, after_sequence, at_wall) VALUES (1, ?, ?)').run(
    sequence ?? 0,
    atWall,
  );
}
