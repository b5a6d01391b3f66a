import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NodeStore } from '../../src/state/node-store.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { INTERVAL_MS, makeId, T0 } from '../fakes/builders.ts';
import { claimNode, contract, IDENTITY, ids, OTHER_NODE, StateDir } from '../fakes/state-dir.ts';

const dir = new StateDir();
const statePath = () => dir.join('state.db');
const replicaPath = () => dir.join('state.replica.db');
/** Not a database, but long enough for SQLite to check its header. */
const GARBAGE = 'this is a text file that someone wrote over the state of the farmer, by mistake';

/** Opens a file, runs `change` and closes it. */
function editDatabase(path: string, change: (db: DatabaseSync) => void): void {
  using db = new DatabaseSync(path);
  change(db);
}
const deleteContract = (n: number) => (db: DatabaseSync) => {
  db.prepare('DELETE FROM contract WHERE id = ?').run(makeId(n));
};
const damagedCopies = () =>
  readdirSync(dir.path)
    .filter((name) => name.startsWith('state.db.damaged-') && !name.endsWith('-wal'))
    .sort()
    .map((name) => readFileSync(dir.join(name), 'utf8'));
/** The contents of all files, except those that SQLite keeps beside an open database. */
const readContents = () =>
  Object.fromEntries(
    readdirSync(dir.path)
      .filter((name) => !/-(wal|shm)$/.test(name))
      .map((name) => [name, readFileSync(dir.join(name)).toString('base64')]),
  );

const DAMAGES: [string, () => void][] = [
  ['truncated to half its size', () => truncateSync(statePath(), Math.floor(statSync(statePath()).size / 2))],
  ['truncated to 0 bytes', () => truncateSync(statePath(), 0)],
  ['deleted', () => rmSync(statePath())],
  ['overwritten', () => writeFileSync(statePath(), Buffer.alloc(50_000, 'x'))],
  ['overwritten after its first page', () => writeFileSync(statePath(), readFileSync(statePath()).fill(0xa5, 4096))],
];

describe('StateStore recovery', () => {
  it.each(DAMAGES)('restores all contracts and the token from the replica after the state was %s', (_, damage) => {
    dir.fill();
    damage();
    dir.clock = new FakeClock(T0 + 2.5 * INTERVAL_MS);
    const store = dir.open();
    const node = claimNode(store);
    expect(store.restoredContracts).toBe(3);
    expect({ token: node.token(), exit: node.exitState() }).toEqual({ token: 'token', exit: 'exiting' });
    expect(node.contracts().map(({ terms: { id }, round }) => ({ id, round: round.number }))).toEqual(
      [1, 2, 3].map((n) => ({ id: makeId(n), round: 2 })),
    );
    expect(dir.restart().restoredContracts).toBeUndefined();
  });

  it('restarts a restoration that was interrupted', () => {
    dir.fill();
    rmSync(statePath());
    for (const suffix of ['', '-wal', '-shm']) writeFileSync(dir.join(`state.db.partial${suffix}`), 'half of a state');
    const store = dir.open();
    expect(store.restoredContracts).toBe(3);
    expect(claimNode(store).token()).toBe('token');
    expect(readdirSync(dir.path).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('adds data that only the replica has to an older state', () => {
    dir.fill();
    editDatabase(statePath(), (db) => db.exec('DELETE FROM farm; DELETE FROM node; DELETE FROM contract;'));
    const store = dir.open();
    const { farmId } = store;
    const node = claimNode(store);
    expect({ token: node.token(), exit: node.exitState(), contracts: ids(node).length }).toEqual({
      token: 'token',
      exit: 'exiting',
      contracts: 3,
    });
    expect(dir.restart().farmId).toBe(farmId);
  });

  it("refuses another farmer's replica", () => {
    dir.fill();
    copyFileSync(replicaPath(), dir.join('other'));
    for (const name of readdirSync(dir.path)) if (name !== 'other') rmSync(dir.join(name));
    dir.fill();
    copyFileSync(dir.join('other'), replicaPath());
    expect(() => dir.open()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('different farmers') }),
    );
  });

  it('refuses a replica in place of the state', () => {
    dir.fill();
    copyFileSync(replicaPath(), statePath());
    expect(() => dir.open()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('state.db') }),
    );
  });

  it('keeps the latest three damaged states for analysis', () => {
    dir.fill();
    for (const n of [1, 2, 3, 4, 5]) {
      writeFileSync(statePath(), `${n}: ${GARBAGE}`);
      dir.restart();
      dir.close();
    }
    expect(damagedCopies()).toEqual([3, 4, 5].map((n) => `${n}: ${GARBAGE}`));
  });

  it('restores a damaged replica from the state', () => {
    dir.fill();
    writeFileSync(replicaPath(), GARBAGE);
    expect(ids(claimNode(dir.open()))).toHaveLength(3);
    dir.close();
    rmSync(statePath());
    expect(ids(claimNode(dir.open()))).toHaveLength(3);
  });

  it('refuses a file that is not a state, and leaves it unchanged, if there is no replica', () => {
    writeFileSync(statePath(), GARBAGE);
    expect(() => dir.open()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('backup') }),
    );
    expect(readFileSync(statePath(), 'utf8')).toBe(GARBAGE);
  });

  it.each([
    ['damaged', () => writeFileSync(statePath(), GARBAGE)],
    ['missing', () => rmSync(statePath())],
  ])('refuses a %s state with a damaged replica, and leaves both unchanged', (_, damage) => {
    dir.fill();
    damage();
    writeFileSync(replicaPath(), GARBAGE);
    const before = readContents();
    expect(() => dir.open()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('restore a backup') }),
    );
    expect(readContents()).toEqual(before);
  });

  it('copies contracts that only one of the two files has to the other', () => {
    const subset = fc.subarray([1, 2, 3, 4]);
    fc.assert(
      fc.property(subset, subset, (fromState, fromReplica) => {
        dir.fill(4);
        for (const n of fromState) editDatabase(statePath(), deleteContract(n));
        for (const n of fromReplica) if (!fromState.includes(n)) editDatabase(replicaPath(), deleteContract(n));
        const node = claimNode(dir.open());
        expect(ids(node)).toEqual([1, 2, 3, 4].map(makeId));
        for (const n of [1, 2, 3, 4]) node.remove(makeId(n));
        expect(ids(claimNode(dir.restart()))).toEqual([]);
        dir.close();
        for (const name of readdirSync(dir.path)) rmSync(dir.join(name));
      }),
      { numRuns: 10 },
    );
  });
});

describe('StateStore with results that are not in the state', () => {
  const [T1, T2, NOW] = [1, 2, 3].map((minutes) => T0 + minutes * INTERVAL_MS);
  /** Runs a farmer with two contracts for a moment, and stops it. */
  const run = async (at: number | undefined, work: (store: StateStore) => unknown = () => {}) => {
    dir.clock = new FakeClock(at);
    const store = dir.open();
    const node = claimNode(store);
    if (ids(node).length === 0) for (const n of [1, 2]) node.insert(contract(n));
    await work(store);
    dir.close();
  };
  const open = () => {
    dir.clock = new FakeClock(NOW);
    const store = dir.open();
    const unknown = claimNode(store)
      .contracts()
      .filter(({ isUnknown }) => isUnknown).length;
    const result = { gap: store.foundGap, unknown, gaps: store.gaps() };
    dir.close();
    return result;
  };

  it.each<[string, () => void, object]>([
    ['the state was lost', () => rmSync(statePath()), { reason: 'state_lost', fromWall: undefined }],
    [
      'an older copy was restored',
      () => copyFileSync(dir.join('older'), statePath()),
      { reason: 'older_copy', fromWall: T1 },
    ],
    ['its replica is missing', () => rmSync(replicaPath()), { reason: 'replica_lost', fromWall: T2 }],
    [
      'a backup was restored',
      () => copyFileSync(dir.join('backup'), statePath()),
      { reason: 'backup_restored', fromWall: T1 },
    ],
  ])('reports the period once if %s', async (_, change, expected) => {
    await run(T1, async (store) => await store.backup(dir.join('backup')));
    copyFileSync(statePath(), dir.join('older'));
    await run(T2);
    change();
    const { gap, unknown, gaps } = open();
    expect(gap).toMatchObject({ ...expected, toWall: NOW, contracts: 2 });
    expect({ unknown, last: gaps.at(-1)?.toWall }).toEqual({ unknown: 2, last: NOW });
    // The current rounds are still unknown, but the loss was reported.
    expect(open()).toMatchObject({ gap: undefined, unknown: 2, gaps });
  });

  it('recognizes a backup without its replica', async () => {
    await run(T1, async (store) => await store.backup(dir.join('backup')));
    for (const path of [statePath(), replicaPath()]) rmSync(path);
    copyFileSync(dir.join('backup'), statePath());
    expect(open()).toMatchObject({ gap: { reason: 'backup_restored', fromWall: T1 }, unknown: 2 });
  });

  it('reports a directory whose files were written while no farmer was running', async () => {
    await run(T1);
    // The file system's resolution may be 10 ms.
    editDatabase(statePath(), (db) => db.exec('UPDATE heartbeat SET at_file = at_file - 10'));
    writeFileSync(dir.join('downstream.json'), 'copied back');
    expect(open()).toMatchObject({ gap: { reason: 'files_changed' }, unknown: 2 });
  });

  it('reports nothing after a restart or a crash between the writes to both files', async () => {
    await run(T1);
    editDatabase(replicaPath(), (db) => db.exec('UPDATE heartbeat SET beat = beat - 1'));
    expect(open()).toEqual({ gap: undefined, unknown: 0, gaps: [{ fromWall: undefined, toWall: T1 }] });
  });

  it('reports nothing after a run in which another file was written last', async () => {
    const changedAt = (name: string) => statSync(dir.join(name)).ctimeMs;
    await run(T1, (store) => {
      store.beat();
      // The time of a file has a resolution of some milliseconds.
      do writeFileSync(dir.join('downstream.json'), 'the marker of the disk');
      while (changedAt('downstream.json') <= changedAt('state.db-wal'));
    });
    expect(open()).toMatchObject({ gap: undefined, unknown: 0 });
  });

  it('reports nothing if an earlier version wrote the state', async () => {
    await run(T1);
    for (const path of [statePath(), replicaPath()]) editDatabase(path, (db) => db.exec('DROP TABLE heartbeat'));
    editDatabase(statePath(), (db) =>
      db.exec(`DROP TABLE results_gap;
        ALTER TABLE contract DROP COLUMN outcome_unknown; ALTER TABLE journal DROP COLUMN interval_ms`),
    );
    expect(open()).toEqual({ gap: undefined, unknown: 0, gaps: [] });
  });
});

const WRITES = ['INSERT', 'DELETE', 'UPDATE'];

/** Makes writes to a table of the replica fail, as on a full disk. */
const rejectReplicaWrites = (table: string) =>
  editDatabase(replicaPath(), (db) => {
    for (const write of WRITES)
      db.exec(`CREATE TRIGGER no_${write} BEFORE ${write} ON ${table} BEGIN SELECT RAISE(FAIL, 'no space'); END`);
  });

describe('StateStore with a replica that cannot be written', () => {
  it.each<[string, (node: NodeStore) => void, (node: NodeStore) => unknown]>([
    ['an exit', (node) => node.saveExitState('exiting'), (node) => node.exitState()],
    ['a token', (node) => node.saveToken('new'), (node) => node.token()],
  ])('does not save %s in the state either', (_, write, read) => {
    claimNode(dir.open()).saveToken('token');
    dir.close();
    rejectReplicaWrites('node');
    const node = claimNode(dir.open());
    const before = read(node);
    expect(() => write(node)).toThrow(expect.objectContaining({ code: 'unusable' }));
    expect(read(node)).toBe(before);
    expect(read(claimNode(dir.restart()))).toBe(before);
  });

  it('starts anyway and reports why state and replica differ', () => {
    dir.fill(2);
    editDatabase(replicaPath(), deleteContract(1));
    rejectReplicaWrites('contract');
    const store = dir.open();
    expect(store.reconcileError).toMatchObject({ message: expect.stringContaining('state.replica.db') });
    expect(ids(claimNode(store))).toHaveLength(2);
  });

  it('does not give the token of an exited node to the node that takes its place', () => {
    const exited = claimNode(dir.open());
    exited.saveToken('token');
    exited.saveExitState('exited');
    dir.close();
    rejectReplicaWrites('node');
    const replacement = { ...IDENTITY, nodes: [OTHER_NODE] };
    expect(() => claimNode(dir.open(), replacement)).toThrow(expect.objectContaining({ code: 'unusable' }));
    dir.close();
    // As after a crash between the writes to the two files.
    editDatabase(statePath(), (db) =>
      db.exec(`UPDATE node SET url = '${OTHER_NODE.url}', token = NULL, exit_state = 'active'`),
    );
    editDatabase(replicaPath(), (db) => {
      for (const write of WRITES) db.exec(`DROP TRIGGER no_${write}`);
    });
    expect(claimNode(dir.open(), replacement).token()).toBeUndefined();
  });
});
