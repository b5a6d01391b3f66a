import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredContract } from '../../src/farming/ports.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { idOf, T0, terms } from '../fakes/builders.ts';

const IDENTITY = { nodeUrl: 'http://node:5000', address: 'address' };
const STAY = { nodeMoved: false };
const contract = (n: number): StoredContract => ({
  terms: terms({ id: idOf(n) }),
  round: { number: 0, issuedAt: T0 },
  hasChunk: false,
});

let folder: string;
let path: string;
let open: StateStore[];
const openStore = () => {
  const store = StateStore.open(path);
  open.push(store);
  return store;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-store-'));
  path = join(folder, 'state.db');
  open = [];
});
afterEach(() => {
  for (const store of open) store.close();
  rmSync(folder, { recursive: true });
});

/** Closes the store and opens it again, as a restart does. */
const restart = () => {
  open.pop()?.close();
  return openStore();
};

describe('the state', () => {
  it('keeps identity, token, contracts and outcomes over a restart', () => {
    const store = openStore();
    store.claim(IDENTITY, STAY);
    store.saveToken('token');
    store.insert(contract(1));
    store.insert({
      ...contract(2),
      terms: terms({ id: idOf(2), source: { kind: 'url', url: 'http://node/x' }, takenAt: T0 + 1 }),
    });
    store.update(
      { ...contract(1), round: { number: 7, issuedAt: T0 + 0.5 }, hasChunk: true },
      { name: 'passed', count: 1 },
    );
    store.update(contract(2), { name: 'missed', count: 3 });
    store.update(contract(2), { name: 'missed', count: 5 });
    const again = restart();
    again.claim(IDENTITY, STAY);
    expect(again.token()).toBe('token');
    expect(again.contracts()).toEqual([
      { terms: terms({ id: idOf(1) }), round: { number: 7, issuedAt: T0 + 0.5 }, hasChunk: true },
      {
        terms: terms({ id: idOf(2), source: { kind: 'url', url: 'http://node/x' }, takenAt: T0 + 1 }),
        round: { number: 0, issuedAt: T0 },
        hasChunk: false,
      },
    ]);
    expect(again.tally()).toEqual({
      passed: 1,
      wrong_answer: 0,
      late: 0,
      missed: 5,
      chunk_unreadable: 0,
      node_error: 0,
    });
    again.remove(idOf(1));
    expect(restart().contracts()).toHaveLength(1);
  });

  it('is readable by its owner alone', () => {
    openStore();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('has one farmer at a time: a second one is told so', () => {
    openStore();
    expect(() => StateStore.open(path)).toThrow(
      expect.objectContaining({ code: 'locked', message: expect.stringContaining('another farmer') }),
    );
  });

  it('is free again when that farmer is gone', () => {
    openStore();
    expect(restart().contracts()).toEqual([]);
  });

  it('is not taken to another node or address, unless the node has moved', () => {
    const store = openStore();
    store.claim(IDENTITY, STAY);
    const moved = { ...IDENTITY, nodeUrl: 'http://elsewhere:5000' };
    expect(() => store.claim(moved, STAY)).toThrow(
      expect.objectContaining({ code: 'other_identity', message: expect.stringContaining('http://node:5000') }),
    );
    expect(() => store.claim({ ...IDENTITY, address: 'other' }, { nodeMoved: true })).toThrow(
      expect.objectContaining({ code: 'other_identity' }),
    );
    store.claim(moved, { nodeMoved: true });
    expect(() => store.claim(moved, STAY)).not.toThrow();
  });

  it('of a newer farmer is left alone, with what to do', () => {
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => StateStore.open(path)).toThrow(
      expect.objectContaining({ code: 'unusable', message: expect.stringContaining('newer farmer') }),
    );
  });

  it('that is no state file is refused, and left as it is', () => {
    writeFileSync(path, 'this is a text file that somebody put here, long enough to be looked at');
    expect(() => StateStore.open(path)).toThrow(expect.objectContaining({ code: 'unusable' }));
    expect(statSync(path).size).toBe(71);
  });

  it('that can not be made is refused', () => {
    path = join(folder, 'absent', 'state.db');
    expect(() => StateStore.open(path)).toThrow(
      expect.objectContaining({ code: 'not_writable', message: expect.stringContaining('FARMER_DATA_DIR') }),
    );
  });
});
