import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type BootTime, measureElapsedMs } from '@downstream/platform';
import { z } from 'zod';
import { MARKER_FILE } from '../chunks/disk-marker.ts';

/** The state and its replica count the same beats, so that an older copy of the state is recognized. */
export const HEARTBEAT_TABLE = `
  CREATE TABLE IF NOT EXISTS heartbeat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    beat INTEGER NOT NULL,
    at_wall REAL NOT NULL,
    at_file REAL NOT NULL,
    boot_id TEXT,
    uptime_ms REAL,
    is_backup INTEGER NOT NULL DEFAULT 0
  ) STRICT;`;

const heartbeatRow = z.object({
  beat: z.number(),
  at_wall: z.number(),
  at_file: z.number(),
  boot_id: z.string().nullable(),
  uptime_ms: z.number().nullable(),
  is_backup: z.number(),
});

export interface Heartbeat {
  readonly beat: number;
  /** The time of the system clock. */
  readonly atWall: number;
  /** A change time of the state's files just before, by the clock of the file system. */
  readonly atFile: number;
  readonly boot: BootTime | undefined;
  /** Whether the file is a backup that no farmer has used since it was restored. */
  readonly isBackup: boolean;
}

/** Why the state does not contain the results of the time before it was opened. */
export type GapReason =
  /** There was none; it was restored from its replica, which contains no results. */
  | 'state_lost'
  | 'backup_restored'
  /** The replica was written later. */
  | 'older_copy'
  /** Files were written after the last heartbeat, as by copying the directory back, or while the disk was full. */
  | 'files_changed'
  /** There is no replica to compare it with. */
  | 'replica_lost';

export function readHeartbeat(db: DatabaseSync): Heartbeat | undefined {
  const found = db.prepare('SELECT * FROM heartbeat').get();
  if (found === undefined) return undefined;
  const { beat, at_wall: atWall, at_file: atFile, boot_id: bootId, ...row } = heartbeatRow.parse(found);
  const boot = bootId === null || row.uptime_ms === null ? undefined : { bootId, uptimeMs: row.uptime_ms };
  return { beat, atWall, atFile, boot, isBackup: row.is_backup === 1 };
}

export function writeHeartbeat(db: DatabaseSync, { beat, atWall, atFile, boot, isBackup }: Heartbeat): void {
  db.prepare(
    `INSERT OR REPLACE INTO heartbeat (id, beat, at_wall, at_file, boot_id, uptime_ms, is_backup)
     VALUES (1, ?, ?, ?, ?, ?, ?)`,
  ).run(beat, atWall, atFile, boot?.bootId ?? null, boot?.uptimeMs ?? null, Number(isBackup));
}

/** Marks a copy of the state, so that it is recognized when it is restored. */
export function markAsBackup(db: DatabaseSync): void {
  db.exec(HEARTBEAT_TABLE);
  // A farmer of an earlier version has written no heartbeat.
  db.exec("INSERT OR IGNORE INTO heartbeat (id, beat, at_wall, at_file) VALUES (1, 0, 1000 * unixepoch('now'), 0)");
  db.exec('UPDATE heartbeat SET is_backup = 1');
}

/** Between two beats, and while it stops, the farmer writes the state without another beat. */
const MAX_WRITE_DELAY_MS = 30_000;

/**
 * A time that is later than the last beat if the files of a data directory were replaced since then. Must be called
 * before the state is opened.
 */
export function readChangeTime(folder: string, stateFile: string): number {
  return Math.max(
    readFileTime(join(folder, stateFile)) - MAX_WRITE_DELAY_MS,
    // The farmer writes it only once.
    readFileTime(join(folder, MARKER_FILE)),
  );
}

/** The time of the latest write to the state, by the clock of the file system. */
export function readWriteTime(db: DatabaseSync): number {
  const path = db.location() ?? '';
  return Math.max(readFileTime(path), readFileTime(`${path}-wal`));
}

/** Changes the time of a file that the farmer never changes otherwise. This needs no space on the disk. */
export function touchMarker(folder: string): void {
  try {
    const now = new Date();
    utimesSync(join(folder, MARKER_FILE), now, now);
  } catch {
    // A read-only disk: no farmer starts on it.
  }
}

function readFileTime(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? Number.NEGATIVE_INFINITY;
}

/** A clock that moved less was not set. */
const MIN_JUMP_MS = 2_500;

/** Whether the system clock was set since a heartbeat. After a start of the machine, only a step back is visible. */
export function wasClockSet(last: Heartbeat, now: { readonly atWall: number; readonly boot: BootTime | undefined }) {
  const wallMs = now.atWall - last.atWall;
  const elapsedMs = measureElapsedMs(last.boot, now.boot);
  return elapsedMs === undefined ? wallMs <= -MIN_JUMP_MS : Math.abs(wallMs - elapsedMs) >= MIN_JUMP_MS;
}

/**
 * Whether a farmer may have used a later version of this state.
 *
 * @param inReplica undefined if the replica is new
 */
export function findGapReason(
  inState: Heartbeat | undefined,
  { inReplica, changedAt }: { inReplica: Heartbeat | undefined; changedAt: number },
): GapReason | undefined {
  if (inState?.isBackup) return 'backup_restored';
  if ((inReplica?.beat ?? 0) > (inState?.beat ?? 0)) return 'older_copy';
  if (inState === undefined) return undefined;
  if (changedAt > inState.atFile) return 'files_changed';
  return inReplica === undefined ? 'replica_lost' : undefined;
}
