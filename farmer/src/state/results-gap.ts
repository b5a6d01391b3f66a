import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { GapReason } from './heartbeat.ts';

export const RESULTS_GAP_TABLE = `
  CREATE TABLE IF NOT EXISTS results_gap (
    from_wall REAL,
    to_wall REAL NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;`;

const gapRow = z.object({ from_wall: z.number().nullable(), to_wall: z.number() });

/** A period whose results are not in the state. */
export interface ResultsGap {
  /** Undefined: since ever. */
  readonly fromWall: number | undefined;
  readonly toWall: number;
}

/** Restored often, a state keeps only the latest gaps. The one since ever is always the first. */
const MAX_GAPS = 20;

/** The gaps, oldest first. A state of an earlier version has none. */
export function readGaps(db: DatabaseSync): ResultsGap[] {
  const rows = z.array(gapRow).parse(db.prepare('SELECT from_wall, to_wall FROM results_gap ORDER BY rowid').all());
  return rows.map(({ from_wall, to_wall }) => ({ fromWall: from_wall ?? undefined, toWall: to_wall }));
}

/** Must be called in a transaction. */
export function addGap(db: DatabaseSync, { fromWall, toWall }: ResultsGap, reason: GapReason | 'created'): void {
  if (fromWall === undefined) db.exec('DELETE FROM results_gap');
  db.prepare('INSERT INTO results_gap (from_wall, to_wall, reason) VALUES (?, ?, ?)').run(
    fromWall ?? null,
    toWall,
    reason,
  );
  db.prepare(
    'DELETE FROM results_gap WHERE from_wall IS NOT NULL AND rowid <= (SELECT max(rowid) FROM results_gap) - ?',
  ).run(MAX_GAPS);
}
