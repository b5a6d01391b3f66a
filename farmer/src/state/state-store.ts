import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '@downstream/platform';
import { z } from 'zod';
import type { ScrubStorePort, StoredScrub } from '../farming/ports.ts';
import { writeBackup } from './backup.ts';
import { Journal } from './journal.ts';
import { NodeStore } from './node-store.ts';
import { type Registry, readContractTerms, readRegistry } from './registry.ts';
import { inDurableTransaction, inTransaction, StateError, toStateError } from './sqlite.ts';
import { insertRestoredContracts, openStateFiles, REPLICA_FILE, STATE_FILE, type StateFiles } from './state-files.ts';
import type { StateReplica } from './state-replica.ts';

/** For whom, and for which nodes, a data directory farms. */
export interface Identity {
  readonly address: string;
  readonly nodes: readonly { readonly url: string }[];
}

export interface StateOptions {
  /** How many of the last challenges the journal keeps. */
  readonly journalSize: number;
}

const scrubRow = z.object({ started_at: z.number(), cursor: z.string(), completed_at: z.number().nullable() });

/**
 * What outlives the process, in SQLite (`node:sqlite`): identity, tokens, contracts, outcomes, the last challenges. The files are
 * locked for as long as they are open: a data directory has one farmer. What can't be had again is in both of them; see
 * docs/decisions/0019.
 */
export class StateStore implements ScrubStorePort {
  /** How many contracts were brought back from the second copy because the first was damaged or gone; undefined if it was not. */
  readonly restored: number | undefined;
  /** Why state and second copy could not be made equal at this start; the next one tries again. */
  incomplete: unknown;
  readonly journal: Journal;
  readonly #db: DatabaseSync;
  readonly #mirror: StateReplica;
  readonly #clock: Clock;

  private constructor(
    { db, mirror, restored }: StateFiles,
    { journalSize, clock }: StateOptions & { readonly clock: Clock },
  ) {
    this.restored = restored;
    this.journal = new Journal({ size: journalSize }, { db, clock });
    this.#db = db;
    this.#mirror = mirror;
    this.#clock = clock;
  }

  /**
   * Opens, or makes, the state of a data directory. Of state and mirror one may be damaged: it is set aside and made anew from the other.
   *
   * @throws StateError whose message says what to do
   */
  static open(folder: string, { journalSize }: StateOptions, clock: Clock): StateStore {
    const files = openStateFiles(folder, clock);
    try {
      const store = new StateStore(files, { journalSize, clock });
      store.#completeRegistry();
      store.#complete();
      return store;
    } catch (error) {
      files.db.close();
      files.mirror.close();
      throw toStateError(error, join(folder, STATE_FILE));
    }
  }

  /** What this farm is called; undefined before {@link claim}. */
  get farmId(): string | undefined {
    return this.#registry().farm?.id;
  }

  /**
   * Makes sure that this directory farms for `wanted`, which a new one then does for good.
   *
   * @param nodeMoved the one node that is not known yet is the one known that is missing, at another URL
   * @returns the state of each node, in the order of `wanted`
   * @throws StateError `other_identity`: contracts of one node are never shown to another
   */
  claim({ address, nodes }: Identity, { nodeMoved }: { nodeMoved: boolean }): NodeStore[] {
    const { farm, nodes: known } = this.#registry();
    if (farm !== undefined && farm.address !== address) {
      throw new StateError(
        'other_identity',
        `this data directory farms for another address than FARMER_ADDRESS: set it back to ${farm.address}, or use another FARMER_DATA_DIR`,
      );
    }
    const gone = known.filter(({ url, leaving }) => leaving !== 'left' && !nodes.some((node) => node.url === url));
    const fresh = nodes.filter(({ url }) => !known.some((node) => node.url === url));
    const [missing] = gone;
    const [moved] = fresh;
    if (missing !== undefined && !(nodeMoved && moved !== undefined && gone.length === 1 && fresh.length === 1)) {
      throw new StateError(
        'other_identity',
        `this data directory farms for the node ${missing.url}, which FARMER_NODE_URL does not have: add it, leave it first (downstream exit), use another FARMER_DATA_DIR, or, if that same node has moved, start once with --node-moved`,
      );
    }
    inDurableTransaction(this.#db, () => {
      if (farm === undefined) {
        this.#db.prepare('INSERT INTO farm (id, address) VALUES (lower(hex(randomblob(16))), ?)').run(address);
      }
      this.#deleteExitedNodes(nodes);
      if (missing !== undefined && moved !== undefined) {
        this.#db.prepare('UPDATE node SET url = ? WHERE id = ?').run(moved.url, missing.id);
      } else for (const { url } of fresh) this.#db.prepare('INSERT INTO node (url) VALUES (?)').run(url);
      this.#replicateRegistry();
    });
    const ids = new Map(this.#registry().nodes.map(({ id, url }) => [url, id]));
    return nodes.flatMap(({ url }) => {
      const id = ids.get(url);
      return id === undefined ? [] : this.#node(id);
    });
  }

  /** Every contract's id, whatever its node. */
  contractIds(): Set<string> {
    const rows = z.array(z.object({ id: z.string() })).parse(this.#db.prepare('SELECT id FROM contract').all());
    return new Set(rows.map(({ id }) => id));
  }

  /** The disks that chunks were put on, and the folders they were last found in. */
  disks(): ReadonlyMap<string, string> {
    return new Map(this.#registry().disks.map(({ id, path }) => [id, path]));
  }

  /** From now on these are the disks. */
  saveDisks(disks: ReadonlyMap<string, string>): void {
    if (isDeepStrictEqual(this.disks(), disks)) return;
    inDurableTransaction(this.#db, () => {
      this.#db.exec('DELETE FROM disk');
      const insert = this.#db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
      for (const [id, path] of disks) insert.run(id, path);
      this.#replicateRegistry();
    });
  }

  scrub(): StoredScrub | undefined {
    const row = this.#db.prepare('SELECT started_at, cursor, completed_at FROM scrub').get();
    if (row === undefined) return undefined;
    const { started_at, cursor, completed_at } = scrubRow.parse(row);
    const completedAt = completed_at === null ? undefined : this.#clock.toInstant(completed_at);
    return { startedAt: this.#clock.toInstant(started_at), cursor, completedAt };
  }

  saveScrub({ startedAt, cursor, completedAt }: StoredScrub): void {
    const completed = completedAt === undefined ? null : this.#clock.toWallTime(completedAt);
    inTransaction(this.#db, () => {
      this.#db.exec('DELETE FROM scrub');
      this.#db
        .prepare('INSERT INTO scrub (started_at, cursor, completed_at) VALUES (?, ?, ?)')
        .run(this.#clock.toWallTime(startedAt), cursor, completed);
    });
  }

  /**
   * Writes a consistent copy of the state to a new file, readable by its owner alone, while everything goes on.
   *
   * @returns its size in bytes
   * @throws StateError `exists`, `not_writable`
   */
  async backup(path: string): Promise<number> {
    return await writeBackup(this.#db, path);
  }

  close(): void {
    this.#db.close();
    this.#mirror.close();
  }

  #node(id: number): NodeStore {
    return new NodeStore(id, {
      db: this.#db,
      mirror: this.#mirror,
      journal: this.journal,
      clock: this.#clock,
      registryChanged: () => this.#replicateRegistry(),
    });
  }

  /** Nodes that were left, and are not wanted again. */
  #deleteExitedNodes(wanted: Identity['nodes']): void {
    for (const { id, url, leaving } of this.#registry().nodes) {
      if (leaving !== 'left' || wanted.some((node) => node.url === url)) continue;
      this.#db.prepare('DELETE FROM tally WHERE node_id = ?').run(id);
      this.#db.prepare('DELETE FROM node WHERE id = ?').run(id);
    }
  }

  /**
   * What only one of the two files has, since a crash came in between, both have afterwards: a contract is never lost. Where there is no
   * room for that, what one lacks was never acknowledged, or is over: it is no reason not to farm.
   */
  #complete(): void {
    const ours = readContractTerms(this.#db);
    const theirs = this.#mirror.contracts();
    const known = new Set(ours.map(({ id }) => id));
    const mirrored = new Set(theirs.map(({ id }) => id));
    const unknown = theirs.filter(({ id }) => !known.has(id));
    const missing = ours.filter(({ id }) => !mirrored.has(id));
    try {
      insertRestoredContracts(this.#db, unknown, this.#clock);
      if (missing.length > 0) this.#mirror.insert(missing);
      this.#replicateRegistry();
    } catch (error) {
      this.incomplete = error;
    }
  }

  /** Who farms with which tokens, where only the mirror still knows it: a restore that was cut short, say. */
  #completeRegistry(): void {
    const ours = this.#registry();
    const { farm, nodes } = this.#mirror.registry();
    if (farm === undefined) return;
    if (ours.farm !== undefined && ours.farm.id !== farm.id) {
      throw new StateError(
        'unusable',
        `${STATE_FILE} and ${REPLICA_FILE} are of different farmers: put ${REPLICA_FILE} away if ${STATE_FILE} is the right one`,
      );
    }
    inDurableTransaction(this.#db, () => {
      if (ours.farm === undefined) {
        this.#db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
      }
      const insert = this.#db.prepare('INSERT OR IGNORE INTO node (id, url, token, leaving) VALUES (?, ?, ?, ?)');
      const complete = this.#db.prepare('UPDATE node SET token = ? WHERE id = ? AND url = ? AND token IS NULL');
      for (const { id, url, token, leaving } of nodes) {
        insert.run(id, url, token, leaving);
        // A token is for the node that gave it, not for one that took its place.
        complete.run(token, id, url);
      }
    });
  }

  #registry(): Registry {
    return readRegistry(this.#db);
  }

  #replicateRegistry(): void {
    this.#mirror.saveRegistry(this.#registry());
  }
}
