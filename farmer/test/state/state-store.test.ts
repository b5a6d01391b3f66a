import { rmSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { EMPTY_TALLY } from '../../src/farming/ports.ts';
import { STATE_SCHEMA } from '../../src/state/schema.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { makeId, T0, terms } from '../fakes/builders.ts';
import {
  claimNode,
  contract,
  IDENTITY,
  ids,
  NODE,
  NOT_MOVED,
  OTHER_NODE,
  outcome,
  StateDir,
} from '../fakes/state-dir.ts';

const dir = new StateDir();
const fromUrl = {
  ...contract(2),
  terms: terms({ id: makeId(2), source: { kind: 'url', url: 'http://node/x' }, acceptedAt: T0 + 2 }),
};

describe('StateStore', () => {
  it('keeps token, contracts and totals over a restart', () => {
    const node = claimNode(dir.open());
    node.saveToken('token');
    node.insert(contract(1));
    node.insert(fromUrl);
    const changed = { ...contract(1), round: { number: 7, issuedAt: T0 + 0.5 }, settled: '0.1', hadChunk: true };
    node.update(changed, outcome('passed', 1));
    node.update(fromUrl, outcome('missed', 3));
    node.update(fromUrl, outcome('missed', 5));
    const restarted = claimNode(dir.restart());
    expect(restarted.token()).toBe('token');
    expect(restarted.contracts()).toEqual([
      { ...changed, last: 'missed', isUnknown: false },
      { ...fromUrl, isUnknown: false },
    ]);
    expect(restarted.tally()).toEqual({ ...EMPTY_TALLY, passed: 1, missed: 5 });
    restarted.remove(makeId(1));
    expect(ids(claimNode(dir.restart()))).toEqual([makeId(2)]);
  });

  it('stores results and acceptance with wall-clock time, since instants do not survive a restart', () => {
    const hour = 3_600_000;
    const node = claimNode(dir.open());
    dir.clock.wallOffsetMs = hour;
    node.insert(contract(1));
    node.update(contract(1), outcome('passed', 1));
    dir.clock.wallOffsetMs = 0;
    const store = dir.restart();
    const [stored] = claimNode(store).contracts();
    expect(stored).toMatchObject({ terms: { acceptedAt: T0 + 1 + hour }, round: { issuedAt: T0 + 1 } });
    expect(store.journal.list(makeId(1), 1)).toMatchObject([{ dueAt: T0 + 60_000 + hour }]);
  });

  it('separates contracts, token and totals by node', () => {
    const [one, two] = dir.open().claim({ address: 'address', nodes: [NODE, OTHER_NODE] }, NOT_MOVED);
    if (one === undefined || two === undefined) throw new Error('a node is missing');
    one.insert(contract(1));
    two.insert(contract(2));
    two.saveToken('of the second');
    two.update(contract(2), outcome('passed', 9));
    expect({ contracts: ids(one), token: one.token(), passed: one.tally().passed }).toEqual({
      contracts: [makeId(1)],
      token: undefined,
      passed: 0,
    });
    expect({ contracts: ids(two), token: two.token(), passed: two.tally().passed }).toEqual({
      contracts: [makeId(2)],
      token: 'of the second',
      passed: 9,
    });
  });

  it('creates files that only their owner can read', () => {
    dir.open();
    for (const name of ['state.db', 'state.replica.db']) expect(statSync(dir.join(name)).mode & 0o777).toBe(0o600);
  });

  it('refuses a data directory that another farmer uses', () => {
    dir.open();
    expect(() => StateStore.open(dir.path, { journalSize: 1 }, dir.clock)).toThrow(
      expect.objectContaining({ code: 'locked', message: expect.stringContaining('another farmer') }),
    );
    expect(() => dir.restart()).not.toThrow();
  });

  it('starts no scrub cycle in the future, even if the system clock was ahead', () => {
    dir.clock.wallOffsetMs = 365 * 86_400_000;
    dir.open().saveScrub({ startedAt: T0, cursor: makeId(3), completedAt: T0 - 5 });
    dir.clock.wallOffsetMs = 0;
    expect(dir.restart().scrub()).toEqual({ startedAt: T0, cursor: makeId(3), completedAt: T0 });
  });

  it('keeps the progress of the scrub, the disks and the state of an exit over a restart', () => {
    const store = dir.open();
    expect(store.scrub()).toBeUndefined();
    claimNode(store).saveExitState('exiting');
    store.saveScrub({ startedAt: T0, cursor: makeId(3), completedAt: T0 - 5 });
    store.saveDisks(new Map([['one', '/a']]));
    const restarted = dir.restart();
    expect(restarted.scrub()).toEqual({ startedAt: T0, cursor: makeId(3), completedAt: T0 - 5 });
    expect(restarted.disks()).toEqual(new Map([['one', '/a']]));
    expect(claimNode(restarted).exitState()).toBe('exiting');
  });

  it('opens an unchanged state without a write, so that a farmer starts on a full disk', () => {
    const start = () => {
      const store = dir.open();
      const node = claimNode(store);
      store.saveDisks(new Map([['one', '/a']]));
      return node;
    };
    start().saveToken('token');
    dir.close();
    expect(start().token()).toBe('token');
    for (const log of ['state.db-wal', 'state.replica.db-wal'])
      expect(statSync(dir.join(log), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  it.each<[string, string, string]>([
    [
      'a newer farmer',
      `PRAGMA application_id = ${STATE_SCHEMA.applicationId}; PRAGMA user_version = 99`,
      'newer version',
    ],
    ['another program', 'PRAGMA user_version = 1; CREATE TABLE contract (x)', 'another program'],
  ])('refuses a database of %s and does not change it', (_, sql, message) => {
    const path = dir.join('state.db');
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
    const before = statSync(path).mtimeMs;
    expect(() => dir.open()).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining(message) }),
    );
    expect(statSync(path).mtimeMs).toBe(before);
  });

  it('reports a directory in which it cannot create files', () => {
    rmSync(dir.path, { recursive: true });
    expect(() => dir.open()).toThrow(
      expect.objectContaining({ code: 'not_writable', message: expect.stringContaining('FARMER_DATA_DIR') }),
    );
  });
});

describe('StateStore.claim', () => {
  const elsewhere = { ...IDENTITY, nodes: [OTHER_NODE] };
  const refusal = (text: string) =>
    expect.objectContaining({ code: 'other_identity', message: expect.stringContaining(text) });

  it('refuses another node or address once a node has issued a token, unless the node has moved', () => {
    const store = dir.open();
    const before = claimNode(store);
    before.saveToken('token');
    expect(() => store.claim(elsewhere, NOT_MOVED)).toThrow(refusal(`is registered with the node ${NODE.url}`));
    expect(() => store.claim({ ...IDENTITY, address: 'other' }, { nodeMoved: true })).toThrow(
      refusal('downstream exit'),
    );
    before.insert(contract(1));
    expect(() => store.claim(elsewhere, NOT_MOVED)).toThrow(refusal(`has 1 contract of the node ${NODE.url}`));
    const [after] = store.claim(elsewhere, { nodeMoved: true });
    expect({ id: after?.id, token: after?.token() }).toEqual({ id: before.id, token: 'token' });
    expect(() => store.claim(elsewhere, NOT_MOVED)).not.toThrow();
  });

  it('forgets a node that never issued a token, and an address that no token was issued for', () => {
    claimNode(dir.open());
    const corrected = { address: 'corrected', nodes: [OTHER_NODE] };
    const node = claimNode(dir.restart(), corrected);
    node.saveToken('token');
    expect(claimNode(dir.restart(), corrected).token()).toBe('token');
    expect(() => dir.restart().claim(IDENTITY, NOT_MOVED)).toThrow(refusal('corrected'));
  });

  it('never gives the id of a removed node to another one, to which its contracts in the replica would then belong', () => {
    const [, removed] = dir.open().claim({ ...IDENTITY, nodes: [NODE, { url: 'http://typo' }] }, NOT_MOVED);
    const [, added] = dir.restart().claim({ ...IDENTITY, nodes: [NODE, OTHER_NODE] }, NOT_MOVED);
    expect(added?.id).toBeGreaterThan(removed?.id ?? Number.POSITIVE_INFINITY);
  });

  it('forgets an added node that never issued a token, and keeps the others', () => {
    const store = dir.open();
    claimNode(store).saveToken('token');
    store.claim({ ...IDENTITY, nodes: [NODE, { url: 'http://typo' }] }, NOT_MOVED);
    const [one, two] = store.claim({ ...IDENTITY, nodes: [NODE, OTHER_NODE] }, NOT_MOVED);
    expect([one?.token(), two?.token()]).toEqual(['token', undefined]);
  });

  it('keeps a node that has contracts but no token', () => {
    const store = dir.open();
    claimNode(store).insert(contract(1));
    expect(() => store.claim(elsewhere, NOT_MOVED)).toThrow(refusal(NODE.url));
  });

  it('adds nodes, and drops a node with a token only after the farmer has exited it', () => {
    const store = dir.open();
    const both = { ...IDENTITY, nodes: [NODE, OTHER_NODE] };
    const [one, two] = store.claim(both, NOT_MOVED);
    for (const node of [one, two]) node?.saveToken('token');
    expect(() => store.claim(IDENTITY, NOT_MOVED)).toThrow(refusal('downstream exit --node'));
    two?.saveExitState('exited');
    expect(store.claim(IDENTITY, NOT_MOVED)).toHaveLength(1);
    const [, returned] = store.claim(both, NOT_MOVED);
    expect({ state: returned?.exitState(), token: returned?.token() }).toEqual({ state: 'active', token: undefined });
  });

  it('registers again for another address after all nodes were exited', () => {
    const node = claimNode(dir.open());
    node.saveToken('token');
    node.saveExitState('exited');
    const changed = { ...IDENTITY, address: 'other' };
    const after = claimNode(dir.restart(), changed);
    expect({ token: after.token(), state: after.exitState() }).toEqual({ token: undefined, state: 'active' });
    expect(claimNode(dir.restart(), changed).token()).toBeUndefined();
  });

  it('gives the farm an id that never changes', () => {
    const store = dir.open();
    expect(store.farmId).toBeUndefined();
    store.claim(IDENTITY, NOT_MOVED);
    const { farmId } = store;
    expect(farmId).toMatch(/^[0-9a-f]{32}$/);
    expect(dir.restart().farmId).toBe(farmId);
  });
});
