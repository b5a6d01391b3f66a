import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '@downstream/platform';
import { INSERT_CONTRACT } from './node-store.ts';
import { readContractTerms, readRegistry, type StoredContractTerms, toTermsValues } from './registry.ts';
import { inDurableTransaction, StateError } from './sqlite.ts';
import type { StateReplica } from './state-replica.ts';
import { Timeline } from './timeline.ts';

/**
 * Adds the farm, nodes and tokens that only the replica has to the state, for example after a backup was restored.
 *
 * @throws StateError `unusable` if the files belong to different farmers
 */
export function restoreRegistry(db: DatabaseSync, replica: StateReplica): void {
  const own = readRegistry(db).farm;
  const { farm, nodes } = replica.registry();
  if (farm === undefined) return;
  if (own !== undefined && own.id !== farm.id) {
    throw new StateError(
      'unusable',
      'the state and its replica belong to different farmers: if the state is the right one, move the replica away',
    );
  }
  inDurableTransaction(db, () => {
    if (own === undefined) db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
    const insert = db.prepare('INSERT OR IGNORE INTO node (id, url, token, exit_state, api) VALUES (?, ?, ?, ?, ?)');
    // A token is valid only for the node that issued it, so the URL must match, too.
    const saveToken = db.prepare('UPDATE node SET token = ?, api = ? WHERE id = ? AND url = ? AND token IS NULL');
    for (const { id, url, token, exit_state, api } of nodes) {
      insert.run(id, url, token, exit_state, api);
      saveToken.run(token, api, id, url);
    }
  });
}

/**
 * Copies contracts that only one of the two files has, because of a crash between two writes, to the other one.
 *
 * @returns the error if a write failed. The farmer can start anyway: a contract in only one file was not accepted yet,
 *   or has ended.
 */
export function reconcile(db: DatabaseSync, replica: StateReplica, clock: Clock): unknown {
  const inState = readContractTerms(db);
  const inReplica = replica.contracts();
  const stateIds = new Set(inState.map(({ id }) => id));
  const replicaIds = new Set(inReplica.map(({ id }) => id));
  const missing = inState.filter(({ id }) => !replicaIds.has(id));
  try {
    insertContractTerms(
      db,
      inReplica.filter(({ id }) => !stateIds.has(id)),
      clock,
    );
    if (missing.length > 0) replica.insert(missing);
    replica.saveRegistry(readRegistry(db));
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Inserts contracts of which only the terms are known, in their current round, whose outcome may be unknown. */
export function insertContractTerms(db: DatabaseSync, contracts: readonly StoredContractTerms[], clock: Clock): void {
  if (contracts.length === 0) return;
  const nowWall = clock.toWallTime(clock.now());
  const insert = db.prepare(INSERT_CONTRACT);
  const nodeIds = new Set(contracts.map(({ nodeId }) => nodeId));
  const timelines = new Map(Array.from(nodeIds, (nodeId) => [nodeId, Timeline.read(nodeId, { db, clock })]));
  inDurableTransaction(db, () => {
    for (const terms of contracts) {
      const { nodeId, intervalMs, acceptedAtWall } = terms;
      // The system clock may have been ahead when the contract was accepted.
      const ageMs = Math.max(0, nowWall - acceptedAtWall);
      const round = Math.floor(ageMs / intervalMs);
      const issuedAt = timelines.get(nodeId)?.toStored(clock.now() - (ageMs % intervalMs)) ?? nowWall;
      const [hadChunk, isUnknown] = [1, 1];
      insert.run(...toTermsValues(terms), round, issuedAt, hadChunk, isUnknown);
    }
  });
}
