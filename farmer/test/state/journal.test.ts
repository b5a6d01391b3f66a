import { describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '../../src/contract/journal-entry.ts';
import { makeId, T0, terms } from '../fakes/builders.ts';
import { claimNode, contract, entry, outcome, StateDir } from '../fakes/state-dir.ts';

const dir = new StateDir();

describe('Journal', () => {
  it('keeps only the latest entries, with their timelines', () => {
    const store = dir.open(3);
    const node = claimNode(store);
    node.insert(contract(1));
    const complete: JournalEntry = {
      ...entry(1),
      queuedAt: T0 + 2,
      readAt: T0 + 3,
      hashedAt: T0 + 4,
      sentAt: T0 + 5,
      acknowledgedAt: T0 + 6,
    };
    for (const round of [0, 1, 2, 3]) node.update(contract(1), outcome('passed', round, { ...complete, round }));
    expect(store.journal.list(makeId(1), 10).map(({ round }) => round)).toEqual([3, 2, 1]);
    expect(store.journal.list(makeId(1), 1)).toEqual([{ ...complete, round: 3, cause: undefined }]);
    expect(store.journal.list(makeId(2), 10)).toEqual([]);
  });

  it('finds the contracts whose ids start with a prefix', () => {
    const store = dir.open();
    const node = claimNode(store);
    node.insert({ ...contract(1), terms: terms({ id: `abc1${'0'.repeat(60)}` }) });
    node.insert({ ...contract(2), terms: terms({ id: `abc2${'0'.repeat(60)}` }) });
    node.update(contract(3), outcome('missed', 1, { ...entry(1), contract: `fff0${'0'.repeat(60)}` }));
    const [first, second, ended] = ['abc1', 'abc2', 'fff0'].map((prefix) => prefix + '0'.repeat(60));
    expect(store.journal.findContracts('abc1', 9)).toEqual([first]);
    expect(store.journal.findContracts('abc', 9)).toEqual([first, second]);
    expect(store.journal.findContracts('abc', 1)).toEqual([first]);
    expect(store.journal.findContracts('fff0', 9)).toEqual([ended]);
    expect(store.journal.findContracts('0', 9)).toEqual([]);
  });

  it('keeps nothing if its size is 0', () => {
    const store = dir.open(0);
    claimNode(store).update(contract(1), outcome('passed', 1));
    expect(store.journal.list(makeId(1), 1)).toEqual([]);
  });
});
