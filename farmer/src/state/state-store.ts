import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Instant } from '@downstream/platform';
import { z } from 'zod';
import type { SettledRounds } from '../contract/journal-entry.ts';
import type { ScrubStorePort, StoredScrub } from '../farming/ports.ts';
import { type AddTags, writeBackup } from './backup.ts';
import { type ClaimOptions, type Identity, planClaim } from './claim.ts';
import {
  findGapReason,
  type GapReason,
  readHeartbeat,
  readWriteTime,
  touchMarker,
  wasClockSet,
  writeHeartbeat,
} from './heartbeat.ts';
import { Journal } from './journal.ts';
import { restartJournal } from './journal-start.ts';
import { NodeStore } from './node-store.ts';
import { reconcile, restoreRegistry } from './reconcile.ts';
import { type Registry, readRegistry, writeDisks } from './registry.ts';
import { addGap, type ResultsGap, readGaps } from './results-gap.ts';
import { upgradeState } from './schema.ts';
import { inDurableTransaction, inTransaction, toStateError } from './sqlite.ts';
import { openStateFiles, STATE_FILE, type StateFiles } from './state-files.ts';
import type { StateReplica } from './state-replica.ts';

export interface StateOptions {
  /** How many of the latest challenges the journal keeps. */
  readonly journalSize: number;
}

/** A {@link ResultsGap} that was found when the state was opened. */
export interface FoundGap extends ResultsGap {
  readonly reason: GapReason;
  /** How many contracts have rounds with an unknown outcome therefore. */
  readonly contracts: number;
}

const scrubRow = z.object({ started_at: z.number(), cursor: z.string(), completed_at: z.number().nullable() });

/**
 * Everything that survives a restart, in SQLite: identity, tokens, contracts, results and the journal. The files stay
 * locked while they are open, so a data directory has one farmer. Data that cannot be obtained again is in the state
 * and in its replica; see docs/decisions/0019.
 */
export class StateStore implements ScrubStorePort {
  /** How many contracts were restored from the replica; undefined unless the state was damaged or missing. */
  readonly restoredContracts: number | undefined;
  /** Why state and replica still differ; undefined if they do not. The next start tries again. */
  readonly reconcileError: unknown;
  /** Results that this state lacks, because it was lost or restored since it was used last. */
  readonly foundGap: FoundGap | undefined;
  readonly journal: Journal;
  readonly #db: DatabaseSync;
  readonly #replica: StateReplica;
  readonly #clock: Clock;
  readonly #folder: string;
  readonly #journalSize: number;
  /** Whether the last beat could not be written. */
  #isBeatMissing = false;

  private constructor(
    {
      db,
      replica,
      restoredContracts,
      reconcileError,
      foundGap,
      folder,
    }: StateFiles & {
      readonly reconcileError: unknown;
      readonly foundGap: FoundGap | undefined;
      readonly folder: string;
    },
    { journalSize, clock }: StateOptions & { readonly clock: Clock },
  ) {
    this.restoredContracts = restoredContracts;
    this.reconcileError = reconcileError;
    this.foundGap = foundGap;
    this.#folder = folder;
    this.#journalSize = journalSize;
    this.journal = new Journal({ size: journalSize }, { db, clock });
    this.#db = db;
    this.#replica = replica;
    this.#clock = clock;
  }

  /**
   * Opens or creates the state of a data directory. If state or replica is damaged, it is restored from the other.
   *
   * @throws StateError with a remedy
   */
  static open(folder: string, { journalSize }: StateOptions, clock: Clock): StateStore {
    const files = openStateFiles(folder, clock);
    try {
      upgradeState(files.db);
      restoreRegistry(files.db, files.replica);
      const reconcileError = reconcile(files.db, files.replica, clock);
      const foundGap = findGap(files, clock);
      return new StateStore({ ...files, folder, reconcileError, foundGap }, { journalSize, clock });
    } catch (error) {
      files.db.close();
      files.replica.close();
      throw toStateError(error, join(folder, STATE_FILE));
    }
  }

  /** The id of this farm; undefined before {@link claim}. */
  get farmId(): string | undefined {
    return this.#registry().farm?.id;
  }

  /**
   * Checks that this directory belongs to an identity, or assigns it to one as far as nothing binds it.
   *
   * @returns the store of each node, in the given order
   * @throws StateError `other_identity`, as {@link planClaim}
   */
  claim(identity: Identity, options: ClaimOptions): NodeStore[] {
    const registry = this.#registry();
    const { forgottenIds, moved, addedUrls } = planClaim(registry, this.#countContracts(), identity, options);
    const { address, nodes } = identity;
    inDurableTransaction(this.#db, () => {
      if (registry.farm === undefined) {
        this.#db.prepare('INSERT INTO farm (id, address) VALUES (lower(hex(randomblob(16))), ?)').run(address);
        const toWall = this.#clock.toWallTime(this.#clock.now());
        addGap(this.#db, { fromWall: undefined, toWall }, 'created');
        restartJournal(this.#db, toWall);
      } else if (registry.farm.address !== address) this.#db.prepare('UPDATE farm SET address = ?').run(address);
      for (const id of forgottenIds) this.#forgetNode(id);
      if (moved !== undefined) this.#db.prepare('UPDATE node SET url = ? WHERE id = ?').run(moved.url, moved.id);
      for (const url of addedUrls) this.#db.prepare('INSERT INTO node (url) VALUES (?)').run(url);
      this.#replicateRegistry();
    });
    const ids = new Map(this.#registry().nodes.map(({ id, url }) => [url, id]));
    const deps = {
      db: this.#db,
      replica: this.#replica,
      journal: this.journal,
      clock: this.#clock,
      isOutdated: this.foundGap !== undefined,
    };
    return nodes.flatMap(({ url }) => {
      const id = ids.get(url);
      return id === undefined ? [] : new NodeStore(id, deps);
    });
  }

  /** The ids of all contracts of all nodes. */
  contractIds(): Set<string> {
    return this.#selectIds('SELECT id FROM contract');
  }

  /** The ids of the contracts whose proofs need a tag. */
  taggedContractIds(): Set<string> {
    return this.#selectIds("SELECT id FROM contract WHERE proof <> 'digest'");
  }

  /** The known disks: the folder where each was last found, by disk id. */
  disks(): ReadonlyMap<string, string> {
    return new Map(this.#registry().disks.map(({ id, path }) => [id, path]));
  }

  /** Replaces the known disks. */
  saveDisks(disks: ReadonlyMap<string, string>): void {
    if (isDeepStrictEqual(this.disks(), disks)) return;
    inDurableTransaction(this.#db, () => {
      writeDisks(
        this.#db,
        [...disks].map(([id, path]) => ({ id, path })),
      );
      this.#replicateRegistry();
    });
  }

  scrub(): StoredScrub | undefined {
    const row = this.#db.prepare('SELECT started_at, cursor, completed_at FROM scrub').get();
    if (row === undefined) return undefined;
    const { started_at, cursor, completed_at } = scrubRow.parse(row);
    // The system clock may have been ahead: a cycle in the future would never end.
    const toPast = (wallTime: number) => Math.min(this.#clock.toInstant(wallTime), this.#clock.now());
    return {
      startedAt: toPast(started_at),
      cursor,
      completedAt: completed_at === null ? undefined : toPast(completed_at),
    };
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

  /** As {@link writeBackup}. */
  async backup(path: string, addTags: AddTags = async () => {}): Promise<number> {
    this.beat();
    return await writeBackup(this.#db, path, addTags);
  }

  /** The periods whose results are not in the state, oldest first. The first one is that before its creation. */
  gaps(): ResultsGap[] {
    return readGaps(this.#db);
  }

  /** Rounds that were settled since, oldest first, and since when none is missing. */
  recentRounds(since: Instant): { rounds: SettledRounds[]; completeSince: Instant } {
    const now = this.#clock.now();
    // On a full disk, the journal may not end at the gap.
    if (this.#journalSize === 0 || this.foundGap !== undefined) return { rounds: [], completeSince: now };
    const { rounds, completeSince = now } = this.journal.readRecent(since);
    return { rounds, completeSince };
  }

  /**
   * Marks state and replica as in use. Called every few seconds. If they cannot be written, results are missing in the
   * state, which the time of another file shows at the next start.
   */
  beat(): void {
    try {
      const isIncomplete = this.#isBeatMissing || this.#journalSize === 0;
      writeBeat({ db: this.#db, replica: this.#replica }, this.#clock, { isIncomplete });
      this.#isBeatMissing = false;
    } catch {
      this.#isBeatMissing = true;
      touchMarker(this.#folder);
    }
  }

  /** Beats so that files that were written just before, such as the marker file, are not younger than the last beat. */
  beatAfterWrites(): void {
    this.beat();
    // A beat has the time of the last write before it: here that of the first beat.
    this.beat();
  }

  close(): void {
    this.beatAfterWrites();
    this.#db.close();
    this.#replica.close();
  }

  #selectIds(query: string): Set<string> {
    const rows = z.array(z.object({ id: z.string() })).parse(this.#db.prepare(query).all());
    return new Set(rows.map(({ id }) => id));
  }

  #countContracts(): Map<number, number> {
    const counts = z.array(z.object({ node_id: z.number(), count: z.number() }));
    const rows = counts.parse(
      this.#db.prepare('SELECT node_id, COUNT(*) AS count FROM contract GROUP BY node_id').all(),
    );
    return new Map(rows.map(({ node_id, count }) => [node_id, count]));
  }

  #forgetNode(id: number): void {
    this.#db.prepare('DELETE FROM challenge_total WHERE node_id = ?').run(id);
    this.#db.prepare('DELETE FROM time_mark WHERE node_id = ?').run(id);
    this.#db.prepare('DELETE FROM node WHERE id = ?').run(id);
  }

  #registry(): Registry {
    return readRegistry(this.#db);
  }

  #replicateRegistry(): void {
    this.#replica.saveRegistry(this.#registry());
  }
}

/** Looks for results that the state lacks. Writes them down, so that they are found once. */
function findGap(files: StateFiles, clock: Clock): FoundGap | undefined {
  const { db, replica, restoredContracts, changedAt } = files;
  const inState = readHeartbeat(db);
  const isLost = restoredContracts !== undefined;
  const reason = isLost ? 'state_lost' : findGapReason(inState, { inReplica: replica.heartbeat(), changedAt });
  if (reason === undefined) return undefined;
  const gap = { fromWall: isLost ? undefined : inState?.atWall, toWall: clock.toWallTime(clock.now()) };
  try {
    inDurableTransaction(db, () => {
      db.exec('UPDATE contract SET outcome_unknown = 1');
      if (!isLost) addGap(db, gap, reason);
    });
    writeBeat(files, clock, { isIncomplete: true });
  } catch {
    // A farmer starts on a full disk, too.
  }
  const { contracts } = z.object({ contracts: z.number() }).parse(db.prepare(COUNT_UNKNOWN).get());
  return { ...gap, reason, contracts };
}

const COUNT_UNKNOWN = 'SELECT count(*) AS contracts FROM contract WHERE outcome_unknown = 1';

/**
 * Writes the state first: its replica is never ahead.
 *
 * @param isIncomplete whether results since the last beat are not in the journal
 */
function writeBeat(
  { db, replica }: Pick<StateFiles, 'db' | 'replica'>,
  clock: Clock,
  { isIncomplete }: { isIncomplete: boolean },
): void {
  const last = readHeartbeat(db);
  const beat = 1 + Math.max(last?.beat ?? 0, replica.heartbeat()?.beat ?? 0);
  const now = { atWall: clock.toWallTime(clock.now()), boot: clock.bootTime() };
  const heartbeat = { ...now, beat, atFile: readWriteTime(db), isBackup: false };
  inTransaction(db, () => {
    if (isIncomplete || (last !== undefined && wasClockSet(last, now))) restartJournal(db, now.atWall);
    writeHeartbeat(db, heartbeat);
  });
  replica.saveHeartbeat(heartbeat);
}
