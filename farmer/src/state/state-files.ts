import { lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Clock, flushSync } from '@downstream/platform';
import { moveAside } from './damaged-file.ts';
import { readChangeTime } from './heartbeat.ts';
import { insertContractTerms } from './reconcile.ts';
import { writeRegistry } from './registry.ts';
import { addGap } from './results-gap.ts';
import { STATE_SCHEMA } from './schema.ts';
import { inDurableTransaction, openDatabase, StateError, toStateError } from './sqlite.ts';
import { StateReplica } from './state-replica.ts';

export const STATE_FILE = 'state.db';
export const REPLICA_FILE = 'state.replica.db';

/** The state and its replica, both open and intact. */
export interface StateFiles {
  readonly db: DatabaseSync;
  readonly replica: StateReplica;
  /** How many contracts were restored from the replica; undefined unless the state was damaged or missing. */
  readonly restoredContracts: number | undefined;
  /** When the files were last written or replaced before they were opened, by the clock of the file system. */
  readonly changedAt: number;
}

export type Inspection<T> =
  | { readonly result: 'intact'; readonly file: T }
  | { readonly result: 'absent' }
  | { readonly result: 'damaged' };

/**
 * Opens or creates both files. Inspects both before it changes either: a damaged file is moved aside only if the other
 * one can replace it.
 *
 * @throws StateError with a remedy; then both files are unchanged
 */
export function openStateFiles(folder: string, clock: Clock): StateFiles {
  const statePath = join(folder, STATE_FILE);
  const replicaPath = join(folder, REPLICA_FILE);
  const changedAt = readChangeTime(folder, STATE_FILE);
  const opened: { close(): void }[] = [];
  const inspect = <T extends { close(): void }>(path: string, open: (path: string) => T) => {
    const inspection = inspectFile(path, open);
    if (inspection.result === 'intact') opened.push(inspection.file);
    return inspection;
  };
  try {
    const state = inspect(statePath, (path) => openDatabase(path, STATE_SCHEMA));
    const second = inspect(replicaPath, (path) => StateReplica.open(path));
    if (state.result === 'intact') {
      const { file: db } = state;
      if (second.result === 'intact') return { db, replica: second.file, restoredContracts: undefined, changedAt };
      if (second.result === 'damaged') moveAside(replicaPath);
      return { db, replica: StateReplica.open(replicaPath), restoredContracts: undefined, changedAt };
    }
    const canRestore = second.result === 'intact' && second.file.registry().farm !== undefined;
    if (!canRestore && (state.result === 'damaged' || second.result === 'damaged'))
      throw createUnrecoverableError(statePath, state.result);
    const replica = second.result === 'intact' ? second.file : StateReplica.open(replicaPath);
    if (second.result !== 'intact') opened.push(replica);
    const restoredContracts = canRestore ? restoreState(replica, statePath, clock) : undefined;
    return { db: openDatabase(statePath, STATE_SCHEMA), replica, restoredContracts, changedAt };
  } catch (error) {
    for (const file of opened) file.close();
    throw toStateError(error, statePath);
  }
}

/** @throws StateError for every fault but damage */
export function inspectFile<T>(path: string, open: (path: string) => T): Inspection<T> {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined || (entry.isFile() && entry.size === 0)) return { result: 'absent' };
  try {
    return { result: 'intact', file: open(path) };
  } catch (error) {
    if (error instanceof StateError && error.code === 'damaged') return { result: 'damaged' };
    throw error;
  }
}

function createUnrecoverableError(statePath: string, state: 'absent' | 'damaged'): StateError {
  const problem =
    state === 'absent'
      ? `${statePath} is missing and ${REPLICA_FILE} is damaged`
      : `${statePath} is damaged or not a farmer's state, and there is no intact ${REPLICA_FILE}`;
  return new StateError(
    'unusable',
    `${problem}: if an intact ${STATE_FILE} is elsewhere, such as on a disk that is not mounted, use that; otherwise restore a backup (downstream restore FILE). To start over without the old contracts, use another FARMER_DATA_DIR`,
  );
}

/**
 * Restores the state from its replica, under a temporary name until it is complete.
 *
 * @returns the number of contracts
 */
function restoreState(replica: StateReplica, path: string, clock: Clock): number {
  const partial = `${path}.partial`;
  for (const suffix of ['', '-wal', '-shm']) rmSync(partial + suffix, { force: true });
  const contracts = replica.contracts();
  const db = openDatabase(partial, STATE_SCHEMA);
  try {
    inDurableTransaction(db, () => {
      writeRegistry(db, replica.registry());
      addGap(db, { fromWall: undefined, toWall: clock.toWallTime(clock.now()) }, 'state_lost');
    });
    insertContractTerms(db, contracts, clock);
  } finally {
    // Also merges the write-ahead log into the file.
    db.close();
  }
  flushSync(partial);
  moveAside(path);
  renameSync(partial, path);
  flushSync(dirname(path));
  return contracts.length;
}
