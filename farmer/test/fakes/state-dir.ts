import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@downstream/platform/testing';
import { afterEach, beforeEach } from '@jest/globals';
import type { JournalEntry } from '../../src/contract/journal-entry.ts';
import type { StoredContract, StoredOutcome } from '../../src/farming/ports.ts';
import type { NodeStore } from '../../src/state/node-store.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { makeId, T0, terms } from './builders.ts';

export const NODE = { url: 'http://node:5000' };
export const OTHER_NODE = { url: 'http://other:5000' };
export const IDENTITY = { address: 'address', nodes: [NODE] };
export const NOT_MOVED = { nodeMoved: false };

export const contract = (n: number): StoredContract => ({
  terms: terms({ id: makeId(n), acceptedAt: T0 + n }),
  round: { number: 0, issuedAt: T0 + n },
  hadChunk: false,
});
export const entry = (n: number, round = 0): JournalEntry => ({
  contract: makeId(n),
  round,
  count: 1,
  intervalMs: 60_000,
  dueAt: T0 + 60_000,
  settledAt: T0 + 5_000,
  outcome: 'passed',
  receivedAt: T0 + 1,
  attempts: 1,
});
export const outcome = (name: 'passed' | 'missed', count: number, of = entry(1)): StoredOutcome => ({
  total: { name, count },
  entry: { ...of, outcome: name },
});

/** The store of the one configured node. */
export function claimNode(store: StateStore, identity = IDENTITY): NodeStore {
  const [node] = store.claim(identity, NOT_MOVED);
  if (node === undefined) throw new Error('there is no node');
  return node;
}

export const ids = (node: NodeStore): string[] => node.contracts().map(({ terms: { id } }) => id);

/** A data directory with a state, deleted after each test. */
export class StateDir {
  path = '';
  clock = new FakeClock(T0);
  #open: StateStore[] = [];

  constructor() {
    beforeEach(() => {
      this.path = mkdtempSync(join(tmpdir(), 'state-'));
      this.clock = new FakeClock(T0);
      this.#open = [];
    });
    afterEach(() => {
      for (const store of this.#open) store.close();
      rmSync(this.path, { recursive: true, force: true });
    });
  }

  join(name: string): string {
    return join(this.path, name);
  }

  open(journalSize = 100): StateStore {
    const store = StateStore.open(this.path, { journalSize }, this.clock);
    this.#open.push(store);
    return store;
  }

  close(): void {
    this.#open.pop()?.close();
  }

  restart(): StateStore {
    this.close();
    return this.open();
  }

  /** Writes a state with a token and some contracts, and closes it. */
  fill(contracts = 3): void {
    const node = claimNode(this.open());
    node.saveToken('token');
    for (let n = 1; n <= contracts; n++) node.insert(contract(n));
    node.saveExitState('exiting');
    this.close();
  }
}
