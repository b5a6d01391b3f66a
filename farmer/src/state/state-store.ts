import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open as openFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backup, type DatabaseSync } from 'node:sqlite';
import type { Clock } from '@downstream/platform';
import { z } from 'zod';
import type { ScrubStorePort, StoredScrub } from '../farming/ports.ts';
import { Journal } from './journal.ts';
import { migrate } from './migrations.ts';
import { type Essentials, Mirror, type MirroredContract } from './mirror.ts';
import { NodeStore } from './node-store.ts';
import { asStateError, atomically, durably, openDatabase, StateError } from './sqlite.ts';

/** For whom, and for which nodes, a data directory farms. */
export interface Identity {
  readonly address: string;
  readonly nodes: readonly { readonly url: string }[];
}

export interface StateOptions {
  /** How many of the last challenges the journal keeps. */
  readonly journalSize: number;
}

const farmRow = z.object({ id: z.string(), address: z.string() });
const nodeRow = z.object({
  id: z.number(),
  url: z.string(),
  token: z.string().nullable(),
  leaving: z.enum(['no', 'leaving', 'left']),
});
const diskRow = z.object({ id: z.string(), path: z.string() });
const scrubRow = z.object({ started_at: z.number(), cursor: z.string(), completed_at: z.number().nullable() });

/** Where the state and its second copy are. */
export const STATE_FILE = 'state.db';
const MIRROR_FILE = 'state.mirror.db';

/**
 * What outlives the process, in SQLite (`node:sqlite`): identity, tokens, contracts, outcomes, the last challenges. The files are
 * locked for as long as they are open: a data directory has one farmer. What can't be had again is in both of them; see
 * docs/decisions/0019.
 */
export class StateStore implements ScrubStorePort {
  /** How many contracts were brought back from the second copy because the first was damaged or gone; undefined if it was not. */
  readonly restored: number | undefined;
  readonly journal: Journal;
  readonly #db: DatabaseSync;
  readonly #mirror: Mirror;
  readonly #clock: Clock;

  private constructor(
    { journalSize, restored }: StateOptions & { restored: number | undefined },
    { db, mirror, clock }: { db: DatabaseSync; mirror: Mirror; clock: Clock },
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
    const path = join(folder, STATE_FILE);
    const mirror = soundMirror(join(folder, MIRROR_FILE), path);
    try {
      const { db, isNew } = soundState(path, mirror);
      try {
        migrate(db);
        const restored = isNew ? restore(db, mirror, clock) : undefined;
        const store = new StateStore({ journalSize, restored }, { db, mirror, clock });
        store.#complete();
        return store;
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      mirror.close();
      throw asStateError(error, path);
    }
  }

  /** What this farm is called; undefined before {@link claim}. */
  get farmId(): string | undefined {
    return this.#essentials().farm?.id;
  }

  /**
   * Makes sure that this directory farms for `wanted`, which a new one then does for good.
   *
   * @param nodeMoved the one node that is not known yet is the one known that is missing, at another URL
   * @returns the state of each node, in the order of `wanted`
   * @throws StateError `other_identity`: contracts of one node are never shown to another
   */
  claim({ address, nodes }: Identity, { nodeMoved }: { nodeMoved: boolean }): NodeStore[] {
    const { farm, nodes: known } = this.#essentials();
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
    durably(this.#db, () => {
      if (farm === undefined) {
        this.#db.prepare('INSERT INTO farm (id, address) VALUES (lower(hex(randomblob(16))), ?)').run(address);
      }
      this.#forgetLeft(nodes);
      if (missing !== undefined && moved !== undefined) {
        this.#db.prepare('UPDATE node SET url = ? WHERE id = ?').run(moved.url, missing.id);
      } else for (const { url } of fresh) this.#db.prepare('INSERT INTO node (url) VALUES (?)').run(url);
    });
    this.#mirrorEssentials();
    const ids = new Map(this.#essentials().nodes.map(({ id, url }) => [url, id]));
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
    return new Map(this.#essentials().disks.map(({ id, path }) => [id, path]));
  }

  /** From now on these are the disks. */
  saveDisks(disks: ReadonlyMap<string, string>): void {
    durably(this.#db, () => {
      this.#db.exec('DELETE FROM disk');
      const insert = this.#db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
      for (const [id, path] of disks) insert.run(id, path);
    });
    this.#mirrorEssentials();
  }

  scrub(): StoredScrub | undefined {
    const row = this.#db.prepare('SELECT started_at, cursor, completed_at FROM scrub').get();
    if (row === undefined) return undefined;
    const { started_at, cursor, completed_at } = scrubRow.parse(row);
    const completedAt = completed_at === null ? undefined : this.#clock.instantOf(completed_at);
    return { startedAt: this.#clock.instantOf(started_at), cursor, completedAt };
  }

  saveScrub({ startedAt, cursor, completedAt }: StoredScrub): void {
    const completed = completedAt === undefined ? null : this.#clock.wallOf(completedAt);
    atomically(this.#db, () => {
      this.#db.exec('DELETE FROM scrub');
      this.#db
        .prepare('INSERT INTO scrub (started_at, cursor, completed_at) VALUES (?, ?, ?)')
        .run(this.#clock.wallOf(startedAt), cursor, completed);
    });
  }

  /**
   * Writes a consistent copy of the state to a new file, readable by its owner alone, while everything goes on.
   *
   * @returns its size in bytes
   * @throws StateError `exists`, `not_writable`
   */
  async backup(path: string): Promise<number> {
    if (existsSync(path)) throw new StateError('exists', `${path} is there already: name a file that is not`);
    const partial = `${path}.partial`;
    try {
      rmSync(partial, { force: true });
      writeFileSync(partial, '', { mode: 0o600, flag: 'wx' });
      await backup(this.#db, partial);
      await flush(partial);
      await rename(partial, path);
      await flush(dirname(path));
      return (await stat(path)).size;
    } catch (error) {
      await rm(partial, { force: true });
      const why = error instanceof Error ? error.message : String(error);
      throw new StateError('not_writable', `no backup could be written to ${path}: ${why}`, {}, { cause: error });
    }
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
      essentialsChanged: () => this.#mirrorEssentials(),
    });
  }

  /** Nodes that were left, and are not wanted again. */
  #forgetLeft(wanted: Identity['nodes']): void {
    for (const { id, url, leaving } of this.#essentials().nodes) {
      if (leaving !== 'left' || wanted.some((node) => node.url === url)) continue;
      this.#db.prepare('DELETE FROM tally WHERE node_id = ?').run(id);
      this.#db.prepare('DELETE FROM node WHERE id = ?').run(id);
    }
  }

  /** What only one of the two files has, since a crash came in between, both have afterwards: a contract is never lost. */
  #complete(): void {
    this.#takeOverEssentials();
    const ours = this.#contracts();
    const theirs = this.#mirror.contracts();
    const known = new Set(ours.map(({ id }) => id));
    const mirrored = new Set(theirs.map(({ id }) => id));
    insertContracts(
      this.#db,
      theirs.filter(({ id }) => !known.has(id)),
      this.#clock,
    );
    const missing = ours.filter(({ id }) => !mirrored.has(id));
    if (missing.length > 0) this.#mirror.insert(missing);
    this.#mirrorEssentials();
  }

  /** Who farms with which tokens, where only the mirror still knows it: a restore that was cut short, say. */
  #takeOverEssentials(): void {
    const ours = this.#essentials();
    const { farm, nodes } = this.#mirror.essentials();
    if (farm === undefined) return;
    if (ours.farm !== undefined && ours.farm.id !== farm.id) {
      throw new StateError(
        'unusable',
        `${STATE_FILE} and ${MIRROR_FILE} are of different farmers: put ${MIRROR_FILE} away if ${STATE_FILE} is the right one`,
      );
    }
    durably(this.#db, () => {
      if (ours.farm === undefined) {
        this.#db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
      }
      const insert = this.#db.prepare('INSERT OR IGNORE INTO node (id, url, token, leaving) VALUES (?, ?, ?, ?)');
      const complete = this.#db.prepare('UPDATE node SET token = ? WHERE id = ? AND token IS NULL');
      for (const { id, url, token, leaving } of nodes) {
        insert.run(id, url, token, leaving);
        complete.run(token, id);
      }
    });
  }

  #contracts(): MirroredContract[] {
    return this.#db
      .prepare('SELECT id, node_id, source_kind, source, interval_ms, taken_at FROM contract')
      .all()
      .map((row) => {
        const { id, node_id, source_kind, source, interval_ms, taken_at } = termsRow.parse(row);
        return {
          id,
          nodeId: node_id,
          source: source_kind === 'secret' ? { kind: 'secret', secret: source } : { kind: 'url', url: source },
          intervalMs: interval_ms,
          takenAtWall: taken_at,
        };
      });
  }

  #essentials(): Essentials {
    const farm = this.#db.prepare('SELECT id, address FROM farm').get();
    return {
      farm: farm && farmRow.parse(farm),
      nodes: z.array(nodeRow).parse(this.#db.prepare('SELECT id, url, token, leaving FROM node ORDER BY id').all()),
      disks: z.array(diskRow).parse(this.#db.prepare('SELECT id, path FROM disk').all()),
    };
  }

  #mirrorEssentials(): void {
    this.#mirror.saveEssentials(this.#essentials());
  }
}

const termsRow = z.object({
  id: z.string(),
  node_id: z.number(),
  source_kind: z.enum(['secret', 'url']),
  source: z.string(),
  interval_ms: z.number(),
  taken_at: z.number(),
});

/** A mirror that is damaged is set aside: there is the state to make it from, or else all is lost. */
function soundMirror(path: string, statePath: string): Mirror {
  try {
    return Mirror.open(path);
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'damaged' || isEmpty(statePath)) throw error;
    setAside(path);
    return Mirror.open(path);
  }
}

/** The state, or a new one where it is gone or damaged and the mirror has what it takes to make it. */
function soundState(path: string, mirror: Mirror): { db: DatabaseSync; isNew: boolean } {
  const hasMirror = mirror.essentials().farm !== undefined;
  if (isEmpty(path)) return { db: openDatabase(path), isNew: hasMirror };
  try {
    return { db: openDatabase(path), isNew: false };
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'damaged') throw error;
    if (!hasMirror) {
      throw new StateError(
        'unusable',
        `${path} is damaged, or no state of a farmer, and there is no sound ${MIRROR_FILE} beside it to make it from: put a backup in its place, or use another FARMER_DATA_DIR`,
      );
    }
    setAside(path);
    return { db: openDatabase(path), isNew: true };
  }
}

function isEmpty(path: string): boolean {
  return !existsSync(path) || statSync(path).size === 0;
}

/** A damaged file is kept, for whoever wants to look at it. */
function setAside(path: string): void {
  const name = `${path}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal']) if (existsSync(path + suffix)) renameSync(path + suffix, name + suffix);
  rmSync(`${path}-shm`, { force: true });
}

/** Fills a new state from the mirror. @returns how many contracts there are */
function restore(db: DatabaseSync, mirror: Mirror, clock: Clock): number {
  const { farm, nodes, disks } = mirror.essentials();
  const contracts = mirror.contracts();
  durably(db, () => {
    if (farm) db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
    for (const { id, url, token, leaving } of nodes) {
      db.prepare('INSERT INTO node (id, url, token, leaving) VALUES (?, ?, ?, ?)').run(id, url, token, leaving);
    }
    for (const { id, path } of disks) db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)').run(id, path);
  });
  insertContracts(db, contracts, clock);
  return contracts.length;
}

/** Contracts of which only the terms are known: they are in the round that their interval says, and went through the ones before uncounted. */
function insertContracts(db: DatabaseSync, contracts: readonly MirroredContract[], clock: Clock): void {
  const nowWall = clock.wallOf(clock.now());
  const insert = db.prepare(
    'INSERT INTO contract (id, node_id, source_kind, source, interval_ms, taken_at, round_number, round_issued_at, has_chunk) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)',
  );
  if (contracts.length === 0) return;
  durably(db, () => {
    for (const { id, nodeId, source, intervalMs, takenAtWall } of contracts) {
      const text = source.kind === 'secret' ? source.secret : source.url;
      const round = Math.max(0, Math.floor((nowWall - takenAtWall) / intervalMs));
      insert.run(id, nodeId, source.kind, text, intervalMs, takenAtWall, round, takenAtWall + round * intervalMs);
    }
  });
}

async function flush(path: string): Promise<void> {
  await using file = await openFile(path, 'r');
  await file.sync();
}
