import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Clock, flushSync } from '@downstream/platform';
import { formatSource, type StoredContractTerms } from './registry.ts';
import { migrate } from './schema.ts';
import { inDurableTransaction, openDatabase, StateError, toStateError } from './sqlite.ts';
import { StateReplica } from './state-replica.ts';

export const STATE_FILE = 'state.db';
export const REPLICA_FILE = 'state.mirror.db';

/** The state and its second copy, both open, sound and of the newest schema. */
export interface StateFiles {
  readonly db: DatabaseSync;
  readonly mirror: StateReplica;
  /** How many contracts were brought back from the second copy because the state was damaged or gone; undefined if it was not. */
  readonly restored: number | undefined;
}

type Found<T> = { readonly is: 'sound'; readonly file: T } | { readonly is: 'absent' } | { readonly is: 'damaged' };

/**
 * Opens, or makes, both files. Both are looked at before either is touched: one that is damaged is set aside only where the
 * other has what it takes to make it anew.
 *
 * @throws StateError whose message says what to do; then everything is as it was
 */
export function openStateFiles(folder: string, clock: Clock): StateFiles {
  const statePath = join(folder, STATE_FILE);
  const replicaPath = join(folder, REPLICA_FILE);
  const opened: { close(): void }[] = [];
  const look = <T extends { close(): void }>(path: string, open: (path: string) => T) => {
    const found = inspectFile(path, open);
    if (found.is === 'sound') opened.push(found.file);
    return found;
  };
  try {
    const state = look(statePath, openDatabase);
    const second = look(replicaPath, (path) => StateReplica.open(path));
    if (state.is === 'sound') {
      migrate(state.file);
      if (second.is === 'sound') return { db: state.file, mirror: second.file, restored: undefined };
      if (second.is === 'damaged') moveAside(replicaPath);
      return { db: state.file, mirror: StateReplica.open(replicaPath), restored: undefined };
    }
    const isSource = second.is === 'sound' && second.file.registry().farm !== undefined;
    if (!isSource && (state.is === 'damaged' || second.is === 'damaged'))
      throw toUnrecoverableError(statePath, state.is);
    const mirror = second.is === 'sound' ? second.file : StateReplica.open(replicaPath);
    if (second.is !== 'sound') opened.push(mirror);
    const restored = isSource ? restoreFrom(mirror, statePath, clock) : undefined;
    const db = openDatabase(statePath);
    opened.push(db);
    migrate(db);
    return { db, mirror, restored };
  } catch (error) {
    for (const file of opened) file.close();
    throw toStateError(error, statePath);
  }
}

/** Touches nothing that is not sound. */
function inspectFile<T>(path: string, open: (path: string) => T): Found<T> {
  if (!existsSync(path) || statSync(path).size === 0) return { is: 'absent' };
  try {
    return { is: 'sound', file: open(path) };
  } catch (error) {
    if (error instanceof StateError && error.code === 'damaged') return { is: 'damaged' };
    throw error;
  }
}

function toUnrecoverableError(statePath: string, state: 'absent' | 'damaged'): StateError {
  const what =
    state === 'absent'
      ? `${statePath} is gone and ${REPLICA_FILE} beside it is damaged`
      : `${statePath} is damaged, or no state of a farmer, and there is no sound ${REPLICA_FILE} beside it to make it from`;
  return new StateError('unusable', `${what}: put a backup in its place, or use another FARMER_DATA_DIR`);
}

/**
 * Makes the state from its second copy, under another name until it is whole.
 *
 * @returns how many contracts there are
 */
function restoreFrom(mirror: StateReplica, path: string, clock: Clock): number {
  const partial = `${path}.partial`;
  for (const suffix of SUFFIXES) rmSync(partial + suffix, { force: true });
  const { farm, nodes, disks } = mirror.registry();
  const contracts = mirror.contracts();
  const db = openDatabase(partial);
  try {
    migrate(db);
    inDurableTransaction(db, () => {
      if (farm) db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
      const node = db.prepare('INSERT INTO node (id, url, token, leaving) VALUES (?, ?, ?, ?)');
      for (const { id, url, token, leaving } of nodes) node.run(id, url, token, leaving);
      const disk = db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
      for (const each of disks) disk.run(each.id, each.path);
    });
    insertRestoredContracts(db, contracts, clock);
  } finally {
    // Also moves everything from the write-ahead log into the one file.
    db.close();
  }
  flushSync(partial);
  moveAside(path);
  renameSync(partial, path);
  flushSync(dirname(path));
  return contracts.length;
}

/** Contracts of which only the terms are known: they are in the round that their interval says, and went through the ones before uncounted. */
export function insertRestoredContracts(
  db: DatabaseSync,
  contracts: readonly StoredContractTerms[],
  clock: Clock,
): void {
  if (contracts.length === 0) return;
  const nowWall = clock.toWallTime(clock.now());
  const insert = db.prepare(
    'INSERT INTO contract (id, node_id, source_kind, source, interval_ms, accepted_at, round_number, round_issued_at, has_chunk) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)',
  );
  inDurableTransaction(db, () => {
    for (const { id, nodeId, source, intervalMs, acceptedAtWall } of contracts) {
      const round = Math.max(0, Math.floor((nowWall - acceptedAtWall) / intervalMs));
      const issuedAt = acceptedAtWall + round * intervalMs;
      insert.run(id, nodeId, source.kind, formatSource(source), intervalMs, acceptedAtWall, round, issuedAt);
    }
  });
}

const SUFFIXES = ['', '-wal', '-shm'] as const;
const MAX_DAMAGED_FILES = 3;

/** A damaged file is kept, for whoever wants to look at it; of many, the last ones. */
function moveAside(path: string): void {
  const folder = dirname(path);
  const prefix = `${basename(path)}.damaged-`;
  const aside = join(folder, `${prefix}${new Date().toISOString().replace(/[:.]/g, '-')}`);
  for (const suffix of ['', '-wal']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  rmSync(`${path}-shm`, { force: true });
  const kept = readdirSync(folder).filter((name) => name.startsWith(prefix) && !name.endsWith('-wal'));
  for (const name of kept.sort().slice(0, -MAX_DAMAGED_FILES))
    for (const suffix of ['', '-wal']) rmSync(join(folder, name + suffix), { force: true });
}
