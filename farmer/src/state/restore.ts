import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { flushSync, getErrorCode } from '@downstream/platform';
import { restoreTags } from '../tags/tag-backup.ts';
import { TAG_FILE } from '../tags/tag-file.ts';
import { moveAside } from './damaged-file.ts';
import { readContractTerms, readRegistry } from './registry.ts';
import { STATE_SCHEMA } from './schema.ts';
import { openDatabase, StateError, toStateError } from './sqlite.ts';
import { inspectFile, REPLICA_FILE, STATE_FILE } from './state-files.ts';
import { StateReplica } from './state-replica.ts';

/** A backup to read, with its write-ahead log if there is one. */
export interface BackupSource {
  /** For error messages. */
  readonly name: string;
  readonly open: () => Readable;
  readonly openLog?: (() => Readable) | undefined;
}

export interface RestoreOptions {
  /** The farm that the directory is marked with; undefined for a new directory. */
  readonly farmId: string | undefined;
}

export interface RestoredState {
  readonly farmId: string;
  readonly contracts: number;
  readonly nodes: readonly string[];
  readonly address: string;
}

/**
 * Restores the state of a farmer that is not running. Verifies a copy of the backup before it changes anything, and
 * replaces no state that is in use, intact, or can be restored from its replica. A damaged one is moved aside.
 *
 * @throws StateError with a remedy; then the state is unchanged
 */
export async function restoreBackup(
  folder: string,
  source: BackupSource,
  { farmId }: RestoreOptions,
): Promise<RestoredState> {
  const path = join(folder, STATE_FILE);
  assertReplaceable(folder);
  const partial = join(folder, `${STATE_FILE}.restore.partial`);
  const removeCopy = () => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(partial + suffix, { force: true });
  };
  try {
    removeCopy();
    await copyTo(partial, source, source.open);
    if (source.openLog !== undefined) await copyTo(`${partial}-wal`, source, source.openLog);
    const restored = readBackup(partial, source);
    if (farmId !== undefined && farmId !== restored.farmId) {
      throw new StateError(
        'other_identity',
        `${source.name} and the directory ${folder} belong to different farmers: restore the backup of this farmer, or use another FARMER_DATA_DIR`,
      );
    }
    moveTags(folder, partial);
    flushSync(partial);
    // A farmer may have been started during the copy.
    assertReplaceable(folder);
    moveAside(path);
    renameSync(partial, path);
    flushSync(dirname(path));
    return restored;
  } finally {
    removeCopy();
  }
}

/** Moves the tags from a copy of the backup. Those of contracts that are not restored are removed at the next start. */
function moveTags(folder: string, partial: string): void {
  try {
    restoreTags(folder, partial);
  } catch (error) {
    throw toStateError(error, join(folder, TAG_FILE));
  }
}

/** @throws StateError also if a file belongs to another program */
function assertReplaceable(folder: string): void {
  const state = join(folder, STATE_FILE);
  const replica = join(folder, REPLICA_FILE);
  if (isIntact(state, (path) => openDatabase(path, STATE_SCHEMA))) {
    throw new StateError(
      'exists',
      `${state} is intact and newer than any backup: start the farmer. To return to the backup all the same, first move ${STATE_FILE}, its -wal file and ${REPLICA_FILE} to another directory`,
    );
  }
  if (isIntact(replica, (path) => StateReplica.open(path))) {
    throw new StateError(
      'exists',
      `${replica} is intact and newer than any backup: start the farmer, which restores the state from it`,
    );
  }
}

function isIntact(path: string, open: (path: string) => { close(): void }): boolean {
  const inspection = inspectFile(path, open);
  if (inspection.result === 'intact') inspection.file.close();
  return inspection.result === 'intact';
}

async function copyTo(path: string, { name }: BackupSource, open: () => Readable): Promise<void> {
  const content = open();
  let readError: unknown;
  content.once('error', (error) => {
    readError = error;
  });
  try {
    await pipeline(content, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    const code = getErrorCode(error) ?? 'unknown error';
    throw readError === undefined
      ? new StateError('not_writable', `${path} cannot be written (${code}): free space or check the disk`)
      : new StateError('unusable', `${name} cannot be read (${code}): check the path and its permissions`);
  }
}

/** Opens a copy of a backup, checks its integrity and reads every contract. Also merges the write-ahead log. */
function readBackup(path: string, { name }: BackupSource): RestoredState {
  try {
    const db = openDatabase(path, STATE_SCHEMA);
    try {
      const { farm, nodes } = readRegistry(db);
      if (farm === undefined) throw new StateError('unusable', 'it contains no farmer');
      const urls = nodes.map(({ url }) => url);
      return { farmId: farm.id, address: farm.address, nodes: urls, contracts: readContractTerms(db).length };
    } finally {
      db.close();
    }
  } catch (error) {
    const { code } = toStateError(error, path);
    throw new StateError(
      'damaged',
      `${name} is not an intact backup of a farmer's state (${code}): use another backup`,
    );
  }
}
