import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FakeClock } from '@downstream/platform/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JournalEntry } from '../../src/contract/journal-entry.ts';
import { EMPTY_TALLY, type StoredContract, type StoredOutcome } from '../../src/farming/ports.ts';
import type { NodeStore } from '../../src/state/node-store.ts';
import { toStateError } from '../../src/state/sqlite.ts';
import { StateReader } from '../../src/state/state-reader.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { INTERVAL_MS, makeId, T0, terms } from '../fakes/builders.ts';

const NODE = { url: 'http://node:5000' };
const OTHER = { url: 'http://other:5000' };
const IDENTITY = { address: 'address', nodes: [NODE] };
const STAY = { nodeMoved: false };
const contract = (n: number): StoredContract => ({
  terms: terms({ id: makeId(n), acceptedAt: T0 + n }),
  round: { number: 0, issuedAt: T0 + n },
  hadChunk: false,
});
const entry = (n: number, round = 0): JournalEntry => ({
  contract: makeId(n),
  round,
  count: 1,
  dueAt: T0 + 60_000,
  settledAt: T0 + 5_000,
  outcome: 'passed',
  receivedAt: T0 + 1,
  attempts: 1,
});
const outcome = (name: 'passed' | 'missed', count: number, of = entry(1)): StoredOutcome => ({
  total: { name, count },
  entry: { ...of, outcome: name },
});

let folder: string;
let clock: FakeClock;
let open: StateStore[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-store-'));
  clock = new FakeClock(T0);
  open = [];
});
afterEach(() => {
  for (const store of open) store.close();
  rmSync(folder, { recursive: true });
});

const inFolder = (name: string) => join(folder, name);
const openStore = (journalSize = 100) => {
  const store = StateStore.open(folder, { journalSize }, clock);
  open.push(store);
  return store;
};
const close = () => open.pop()?.close();
/** Closes the store and opens it again, as a restart does. */
const restart = () => {
  close();
  return openStore();
};
const nodeOf = (store: StateStore, identity = IDENTITY): NodeStore => {
  const [node] = store.claim(identity, STAY);
  if (node === undefined) throw new Error('there is no node');
  return node;
};

describe('the state', () => {
  it('keeps token, contracts and outcomes over a restart', () => {
    const node = nodeOf(openStore());
    node.saveToken('token');
    node.insert(contract(1));
    node.insert({
      ...contract(2),
      terms: terms({ id: makeId(2), source: { kind: 'url', url: 'http://node/x' }, acceptedAt: T0 + 2 }),
    });
    const changed = { ...contract(1), round: { number: 7, issuedAt: T0 + 0.5 }, settled: '0.1', hadChunk: true };
    node.update(changed, outcome('passed', 1));
    node.update(contract(2), outcome('missed', 3));
    node.update(contract(2), outcome('missed', 5));
    const again = nodeOf(restart());
    expect(again.token()).toBe('token');
    expect(again.contracts()).toEqual([
      changed,
      {
        ...contract(2),
        terms: terms({ id: makeId(2), source: { kind: 'url', url: 'http://node/x' }, acceptedAt: T0 + 2 }),
      },
    ]);
    expect(again.tally()).toEqual({ ...EMPTY_TALLY, passed: 1, missed: 5 });
    again.remove(makeId(1));
    expect(nodeOf(restart()).contracts()).toHaveLength(1);
  });

  it("keeps dates of the machine's clock, whatever the farmer's own shows", () => {
    const node = nodeOf(openStore());
    clock.wallOffsetMs = 3_600_000;
    node.insert(contract(1));
    node.update(contract(1), outcome('passed', 1));
    clock.wallOffsetMs = 0;
    const store = restart();
    const [kept] = nodeOf(store).contracts();
    expect(kept).toMatchObject({ terms: { acceptedAt: T0 + 1 + 3_600_000 }, round: { issuedAt: T0 + 1 + 3_600_000 } });
    expect(store.journal.of(makeId(1), 1)).toMatchObject([{ dueAt: T0 + 60_000 + 3_600_000 }]);
  });

  it('keeps the contracts, the token and the totals of each node by themselves', () => {
    const [one, two] = openStore().claim({ address: 'address', nodes: [NODE, OTHER] }, STAY);
    one?.insert(contract(1));
    two?.insert(contract(2));
    two?.saveToken('of the second');
    two?.update(contract(2), outcome('passed', 9));
    expect(one?.contracts().map(({ terms: { id } }) => id)).toEqual([makeId(1)]);
    expect(two?.contracts().map(({ terms: { id } }) => id)).toEqual([makeId(2)]);
    expect([one?.token(), two?.token()]).toEqual([undefined, 'of the second']);
    expect([one?.tally().passed, two?.tally().passed]).toEqual([0, 9]);
  });

  it('is readable by its owner alone', () => {
    openStore();
    for (const name of ['state.db', 'state.mirror.db']) expect(statSync(inFolder(name)).mode & 0o777).toBe(0o600);
  });

  it('has one farmer at a time: a second one is told so', () => {
    openStore();
    expect(() => StateStore.open(folder, { journalSize: 1 }, clock)).toThrow(
      expect.objectContaining({ code: 'locked', message: expect.stringContaining('another farmer') }),
    );
    expect(() => restart()).not.toThrow();
  });

  it('remembers where the scrub is, which disks there are, and whether a node is left', () => {
    const store = openStore();
    expect(store.scrub()).toBeUndefined();
    nodeOf(store).saveExitState('leaving');
    store.saveScrub({ startedAt: T0, cursor: makeId(3), completedAt: T0 - 5 });
    store.saveDisks(new Map([['one', '/a']]));
    const again = restart();
    expect(again.scrub()).toEqual({ startedAt: T0, cursor: makeId(3), completedAt: T0 - 5 });
    expect(again.disks()).toEqual(new Map([['one', '/a']]));
    expect(nodeOf(again).leaving()).toBe('leaving');
  });

  it('is opened again without a write: a farmer starts on a full disk, too', () => {
    const disks = new Map([['one', '/a']]);
    const begin = () => {
      const store = openStore();
      const node = nodeOf(store);
      store.saveDisks(disks);
      return node;
    };
    begin().saveToken('token');
    close();
    expect(begin().token()).toBe('token');
    for (const log of ['state.db-wal', 'state.mirror.db-wal'])
      expect(statSync(inFolder(log), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  it('of a newer farmer is left alone, with what to do', () => {
    const db = new DatabaseSync(inFolder('state.db'));
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => openStore()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('newer farmer') }),
    );
  });

  it('that can not be made is refused', () => {
    rmSync(folder, { recursive: true });
    expect(() => openStore()).toThrow(
      expect.objectContaining({ code: 'not_writable', message: expect.stringContaining('FARMER_DATA_DIR') }),
    );
    folder = mkdtempSync(join(tmpdir(), 'state-store-'));
  });

  it('of the first version is taken over with all that it holds', () => {
    copyFileSync(join(import.meta.dirname, '../fixtures/state-v1.db'), inFolder('state.db'));
    const identity = { address: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV', nodes: [NODE] };
    const store = openStore();
    const node = nodeOf(store, identity);
    expect(node.token()).toBe('0123456789abcdef0123456789abcdef');
    expect(node.contracts()).toEqual([
      { ...contract(1), round: { number: 7, issuedAt: T0 + 420_001 }, hadChunk: true },
      {
        ...contract(2),
        terms: terms({ id: makeId(2), source: { kind: 'url', url: 'http://node:5000/x' }, acceptedAt: T0 + 2 }),
      },
    ]);
    expect(node.tally().passed).toBe(7);
    expect(store.farmId).toMatch(/^[0-9a-f]{32}$/);
    rmSync(inFolder('state.db'));
    close();
    rmSync(inFolder('state.db'), { force: true });
    expect(nodeOf(openStore(), identity).contracts()).toHaveLength(2);
  });
});

describe('a data directory', () => {
  it('is not taken to another node or address, unless the node has moved', () => {
    const store = openStore();
    store.claim(IDENTITY, STAY);
    const moved = { ...IDENTITY, nodes: [OTHER] };
    expect(() => store.claim(moved, STAY)).toThrow(
      expect.objectContaining({ code: 'other_identity', message: expect.stringContaining(NODE.url) }),
    );
    expect(() => store.claim({ ...IDENTITY, address: 'other' }, { nodeMoved: true })).toThrow(
      expect.objectContaining({ code: 'other_identity' }),
    );
    const [before] = store.claim(IDENTITY, STAY);
    const [after] = store.claim(moved, { nodeMoved: true });
    expect(after?.id).toBe(before?.id);
    expect(() => store.claim(moved, STAY)).not.toThrow();
  });

  it('gets further nodes, and loses none that it still farms for', () => {
    const store = openStore();
    const [, two] = store.claim({ ...IDENTITY, nodes: [NODE, OTHER] }, STAY);
    expect(() => store.claim(IDENTITY, STAY)).toThrow(expect.objectContaining({ code: 'other_identity' }));
    two?.saveExitState('left');
    expect(store.claim(IDENTITY, STAY)).toHaveLength(1);
    const [, anew] = store.claim({ ...IDENTITY, nodes: [NODE, OTHER] }, STAY);
    expect(anew?.leaving()).toBe('no');
  });

  it('has a name of its own, which stays', () => {
    const store = openStore();
    expect(store.farmId).toBeUndefined();
    store.claim(IDENTITY, STAY);
    const { farmId } = store;
    expect(restart().farmId).toBe(farmId);
  });
});

describe('the journal', () => {
  it('keeps the last challenges, with their times, and no more', () => {
    const store = openStore(3);
    const node = nodeOf(store);
    node.insert(contract(1));
    const whole: JournalEntry = {
      ...entry(1),
      queuedAt: T0 + 2,
      readAt: T0 + 3,
      hashedAt: T0 + 4,
      sentAt: T0 + 5,
      acknowledgedAt: T0 + 6,
    };
    for (const round of [0, 1, 2, 3]) node.update(contract(1), outcome('passed', round, { ...whole, round }));
    expect(store.journal.of(makeId(1), 10).map(({ round }) => round)).toEqual([3, 2, 1]);
    expect(store.journal.of(makeId(1), 1)).toEqual([{ ...whole, round: 3, cause: undefined }]);
    expect(store.journal.of(makeId(2), 10)).toEqual([]);
  });

  it('finds the contract that an id begins with, where there is but one', () => {
    const store = openStore();
    const node = nodeOf(store);
    node.insert({ ...contract(1), terms: terms({ id: `abc1${'0'.repeat(60)}` }) });
    node.insert({ ...contract(2), terms: terms({ id: `abc2${'0'.repeat(60)}` }) });
    node.update(contract(3), outcome('missed', 1, { ...entry(1), contract: `fff0${'0'.repeat(60)}` }));
    expect(store.journal.find('abc1')).toBe(`abc1${'0'.repeat(60)}`);
    expect(store.journal.find('abc')).toBeUndefined();
    expect(store.journal.find('fff0')).toBe(`fff0${'0'.repeat(60)}`);
    expect(store.journal.find('0')).toBeUndefined();
  });

  it('of no size is not kept at all', () => {
    const store = openStore(0);
    nodeOf(store).update(contract(1), outcome('passed', 1));
    expect(store.journal.of(makeId(1), 1)).toEqual([]);
  });
});

/** A state of some contracts, closed. */
function aClosedState(contracts = 3): void {
  const node = nodeOf(openStore());
  node.saveToken('token');
  for (let n = 1; n <= contracts; n++) node.insert(contract(n));
  node.saveExitState('leaving');
  close();
}

const state = () => inFolder('state.db');
/** The hash of each file, but for what SQLite keeps beside it while it is open. */
const contentsOf = (path: string) =>
  readdirSync(path)
    .filter((name) => !/-(wal|shm)$/.test(name))
    .map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(path, name)))
        .digest('hex'),
    ]);
const DAMAGES: [string, () => void][] = [
  ['is cut off in the middle', () => truncateSync(state(), Math.floor(statSync(state()).size / 2))],
  ['is cut down to nothing', () => truncateSync(state(), 0)],
  ['is gone', () => rmSync(state())],
  ['is overwritten', () => writeFileSync(state(), Buffer.alloc(50_000, 'x'))],
  [
    'has pages of something else',
    () => {
      const bytes = readFileSync(state());
      writeFileSync(state(), bytes.fill(0xa5, 4096));
    },
  ],
];

describe('a state file that', () => {
  it.each(DAMAGES)('%s is made again from its second copy: no contract and no token is lost', (_, damage) => {
    aClosedState();
    damage();
    clock = new FakeClock(T0 + 2.5 * INTERVAL_MS);
    const store = openStore();
    const node = nodeOf(store);
    expect(store.restored).toBe(3);
    expect(node.token()).toBe('token');
    expect(node.leaving()).toBe('leaving');
    expect(node.contracts().map(({ terms: { id }, round }) => ({ id, round: round.number }))).toEqual(
      [1, 2, 3].map((n) => ({ id: makeId(n), round: 2 })),
    );
    expect(restart().restored).toBeUndefined();
  });

  it('was just being made again when the farmer was killed is made again', () => {
    aClosedState();
    rmSync(state());
    for (const suffix of ['', '-wal', '-shm']) writeFileSync(inFolder(`state.db.partial${suffix}`), 'half of a state');
    const store = openStore();
    expect([store.restored, nodeOf(store).token()]).toEqual([3, 'token']);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('knows less than its second copy, being an older one, takes over from it what it lacks', () => {
    aClosedState();
    const db = new DatabaseSync(state());
    db.exec('DELETE FROM farm; DELETE FROM node; DELETE FROM contract;');
    db.close();
    const store = openStore();
    const { farmId } = store;
    const node = nodeOf(store);
    expect([node.token(), node.leaving(), node.contracts().length]).toEqual(['token', 'leaving', 3]);
    expect(restart().farmId).toBe(farmId);
  });

  it("is not mixed with another farmer's second copy", () => {
    aClosedState();
    copyFileSync(inFolder('state.mirror.db'), inFolder('other'));
    for (const name of readdirSync(folder)) if (name !== 'other') rmSync(inFolder(name));
    aClosedState();
    copyFileSync(inFolder('other'), inFolder('state.mirror.db'));
    expect(() => openStore()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('different farmers') }),
    );
  });

  it('was damaged is kept beside, for whoever wants to look at it', () => {
    aClosedState();
    writeFileSync(state(), 'this is no state at all, but something that somebody wrote over it');
    openStore();
    const [kept = ''] = readdirSync(folder).filter((name) => name.startsWith('state.db.damaged-'));
    expect(readFileSync(inFolder(kept), 'utf8')).toContain('somebody wrote over it');
  });

  it('was damaged again and again leaves the last three behind', () => {
    aClosedState();
    for (const n of [1, 2, 3, 4, 5]) {
      writeFileSync(state(), `damaged for the ${n}. time, and long enough to be looked at as a file of its own kind`);
      restart();
      close();
    }
    const kept = readdirSync(folder).filter((name) => name.startsWith('state.db.damaged-') && !name.endsWith('-wal'));
    expect(kept.sort().map((name) => readFileSync(inFolder(name), 'utf8').slice(0, 17))).toEqual(
      [3, 4, 5].map((n) => `damaged for the ${n}`),
    );
  });

  it('is sound makes a second copy again that is damaged or gone', () => {
    aClosedState();
    writeFileSync(inFolder('state.mirror.db'), 'rotten, and long enough to be looked at as a file of its own kind');
    expect(nodeOf(openStore()).contracts()).toHaveLength(3);
    close();
    rmSync(state());
    expect(nodeOf(openStore()).contracts()).toHaveLength(3);
  });

  it('is no state, with nothing to make it from, is refused and left as it is', () => {
    writeFileSync(state(), 'this is a text file that somebody put here, long enough to be looked at');
    expect(() => openStore()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('backup') }),
    );
    expect(statSync(state()).size).toBe(71);
  });

  it.each([
    ['damaged', () => writeFileSync(state(), 'this is a text file, long enough to be looked at as a file')],
    ['gone', () => rmSync(state())],
  ])('is %s, with a second copy that is damaged too, is refused, and both are left as they are', (_, damage) => {
    aClosedState();
    damage();
    writeFileSync(inFolder('state.mirror.db'), 'rotten, and long enough to be looked at as a file of its own kind');
    const before = contentsOf(folder);
    expect(() => openStore()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('put a backup in its place') }),
    );
    expect(contentsOf(folder)).toEqual(before);
  });

  it('has lost a contract that the second copy has, or the other way round, gets it back', () => {
    const statements = fc.subarray([1, 2, 3, 4]);
    fc.assert(
      fc.property(statements, statements, (fromState, fromMirror) => {
        aClosedState(4);
        for (const [file, lost] of [
          ['state.db', fromState],
          ['state.mirror.db', fromMirror.filter((n) => !fromState.includes(n))],
        ] as const) {
          const db = new DatabaseSync(inFolder(file));
          for (const n of lost) db.prepare('DELETE FROM contract WHERE id = ?').run(makeId(n));
          db.close();
        }
        const node = nodeOf(openStore());
        expect(node.contracts().map(({ terms: { id } }) => id)).toEqual([1, 2, 3, 4].map(makeId));
        for (const n of [1, 2, 3, 4]) node.remove(makeId(n));
        expect(nodeOf(restart()).contracts()).toEqual([]);
        close();
        for (const name of readdirSync(folder)) rmSync(inFolder(name));
      }),
      { numRuns: 10 },
    );
  });
});

/** Makes a file take no more of what is written to a table, as a full disk does. */
const refuseWritesTo = (table: string, file: string) => {
  const db = new DatabaseSync(inFolder(file));
  for (const what of ['INSERT', 'DELETE', 'UPDATE'])
    db.exec(`CREATE TRIGGER no_${what} BEFORE ${what} ON ${table} BEGIN SELECT RAISE(FAIL, 'no room'); END`);
  db.close();
};

describe('what can not be written to the second copy', () => {
  it.each<[string, (node: NodeStore) => void, (node: NodeStore) => unknown]>([
    ['that the node is left', (node) => node.saveExitState('leaving'), (node) => node.leaving()],
    ['a token', (node) => node.saveToken('new'), (node) => node.token()],
  ])('is in the state neither: %s', (_, write, read) => {
    nodeOf(openStore()).saveToken('token');
    close();
    refuseWritesTo('node', 'state.mirror.db');
    const node = nodeOf(openStore());
    const before = read(node);
    expect(() => write(node)).toThrow(expect.objectContaining({ code: 'unusable' }));
    expect(read(node)).toBe(before);
    expect(read(nodeOf(restart()))).toBe(before);
  });

  it('is no reason not to start: the next start tries again', () => {
    aClosedState(2);
    const db = new DatabaseSync(inFolder('state.mirror.db'));
    db.prepare('DELETE FROM contract WHERE id = ?').run(makeId(1));
    db.close();
    refuseWritesTo('contract', 'state.mirror.db');
    const store = openStore();
    expect([store.incomplete, nodeOf(store).contracts().length]).toEqual([
      expect.objectContaining({ message: expect.stringContaining('state.mirror.db') }),
      2,
    ]);
  });

  it('gives no token of a node that was left to the one that takes its place', () => {
    const left = nodeOf(openStore());
    left.saveToken('token');
    left.saveExitState('left');
    close();
    refuseWritesTo('node', 'state.mirror.db');
    const instead = { ...IDENTITY, nodes: [OTHER] };
    expect(() => nodeOf(openStore(), instead)).toThrow(expect.objectContaining({ code: 'unusable' }));
    close();
    // As a farmer left it that wrote the one file before the other.
    const db = new DatabaseSync(state());
    db.exec(`UPDATE node SET url = '${OTHER.url}', token = NULL, leaving = 'no'`);
    db.close();
    const mirror = new DatabaseSync(inFolder('state.mirror.db'));
    for (const what of ['INSERT', 'DELETE', 'UPDATE']) mirror.exec(`DROP TRIGGER no_${what}`);
    mirror.close();
    expect(nodeOf(openStore(), instead).token()).toBeUndefined();
  });
});

describe('a backup', () => {
  it('is a whole state, for its owner alone, made while everything goes on', async () => {
    const store = openStore();
    const node = nodeOf(store);
    node.saveToken('token');
    for (let n = 1; n <= 50; n++) node.insert(contract(n));
    const path = inFolder('backup.db');
    const bytes = await store.backup(path);
    node.insert(contract(51));
    expect([statSync(path).size, statSync(path).mode & 0o777]).toEqual([bytes, 0o600]);
    close();
    for (const name of readdirSync(folder)) if (name !== 'backup.db') rmSync(inFolder(name));
    copyFileSync(path, state());
    const again = nodeOf(openStore());
    expect([again.token(), again.contracts().length]).toEqual(['token', 50]);
  });

  it('never takes the place of a file, and leaves nothing half-written', async () => {
    const store = openStore();
    await expect(store.backup(state())).rejects.toMatchObject({ code: 'exists' });
    await expect(store.backup(inFolder('absent/backup.db'))).rejects.toMatchObject({ code: 'not_writable' });
    expect(existsSync(inFolder('absent'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('the state of a farmer that does not run', () => {
  const read = () => {
    const reader = StateReader.open(folder, clock);
    if (reader === undefined) throw new Error('there is no state');
    return reader;
  };

  it('can be read and backed up, and is left as it was', async () => {
    const node = nodeOf(openStore());
    node.insert(contract(1));
    node.update(contract(1), outcome('missed', 2));
    close();
    const before = contentsOf(folder);
    const reader = read();
    expect(reader.journal().of(makeId(1), 5)).toMatchObject([{ outcome: 'missed' }]);
    await reader.backup(inFolder('backup.db'));
    reader.close();
    rmSync(inFolder('backup.db'));
    expect(contentsOf(folder)).toEqual(before);
  });

  it('that was killed, with a log of writes beside its file, is read with all that it wrote', () => {
    const node = nodeOf(openStore());
    node.insert(contract(1));
    for (const suffix of ['', '-wal']) copyFileSync(`${state()}${suffix}`, inFolder(`killed${suffix}`));
    close();
    for (const suffix of ['', '-wal']) copyFileSync(inFolder(`killed${suffix}`), `${state()}${suffix}`);
    const reader = read();
    expect(reader.journal().find(makeId(1))).toBe(makeId(1));
    reader.close();
  });

  it('is told apart from none, a damaged one, one in use, and one of an older farmer, which can be backed up', async () => {
    expect(StateReader.open(folder, clock)).toBeUndefined();
    writeFileSync(state(), 'this is a text file that somebody put here, long enough to be looked at');
    expect(read).toThrow(expect.objectContaining({ code: 'damaged' }));
    rmSync(state());
    openStore();
    expect(read).toThrow(expect.objectContaining({ code: 'locked' }));
    close();
    copyFileSync(join(import.meta.dirname, '../fixtures/state-v1.db'), state());
    const reader = read();
    expect(() => reader.journal()).toThrow(expect.objectContaining({ code: 'unusable' }));
    expect(await reader.backup(inFolder('backup.db'))).toBe(statSync(inFolder('backup.db')).size);
    reader.close();
  });
});

describe('what SQLite reports', () => {
  it.each([
    [11, 'damaged'],
    [26, 'damaged'],
    // Bytes that the disk does not give back.
    [266, 'damaged'],
    [522, 'damaged'],
    // The disk is full, or takes no flush: that is no damage to what is there.
    [13, 'full'],
    [1034, 'unusable'],
    [8, 'not_writable'],
    [5, 'locked'],
  ])('%i is %s', (errcode, code) => {
    expect(toStateError(Object.assign(new Error('x'), { errcode }), '/state.db')).toMatchObject({ code });
  });
});
