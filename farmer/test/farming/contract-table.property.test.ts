import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ContractEvent, dueAt, PHASES } from '../../src/contract/contract.ts';
import { ContractRemover } from '../../src/farming/contract-remover.ts';
import { ContractTable } from '../../src/farming/contract-table.ts';
import { ContractTables } from '../../src/farming/contract-tables.ts';
import { INTERVAL_MS, makeId, terms } from '../fakes/builders.ts';
import { FakeChunks, FakeOutcomes, FakeTags, MemoryStore } from '../fakes/fake-farmer.ts';

const CONTRACTS = 4;

type Action =
  | { readonly kind: 'accept' | 'end'; readonly n: number }
  | { readonly kind: 'event'; readonly n: number; readonly event: (now: number) => ContractEvent }
  /** The chunk is stored, and the open challenge passes. */
  | { readonly kind: 'answer'; readonly n: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'disk'; readonly full: boolean };

const n = fc.integer({ min: 1, max: CONTRACTS });
const challenge = fc.constantFrom('0.1', '0.2', '0.3');
const event = fc.oneof(
  fc
    .constantFrom<ContractEvent>(
      { type: 'chunk_stored' },
      { type: 'chunk_found' },
      { type: 'chunk_lost' },
      { type: 'chunk_verified' },
    )
    .map((each) => () => each),
  challenge.map((each) => () => ({ type: 'reading', challenge: each }) as const),
  challenge.map((each) => () => ({ type: 'proved', challenge: each, response: 'r' }) as const),
  challenge.map((each) => () => ({ type: 'sent', challenge: each }) as const),
  fc.tuple(challenge, fc.boolean()).map(
    ([each, passed]) =>
      () =>
        ({ type: 'verdict', challenge: each, passed }) as const,
  ),
  fc
    .tuple(challenge, fc.boolean(), fc.nat(INTERVAL_MS), fc.boolean())
    .map(([each, nodeReachable, agoMs, wasListed]) => (now: number) => ({
      type: 'challenged' as const,
      challenge: each,
      askedAt: now - agoMs / 10,
      lastAbsentAt: wasListed ? now - agoMs : undefined,
      nodeReachable,
      runningSince: 0,
    })),
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('accept' as const, 'end' as const), n }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('event' as const), n, event }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), n }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'sweep' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(2 * INTERVAL_MS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disk' as const), full: fc.boolean() }) },
);

/** A contract table, and a function that applies an action to it. */
function aTable() {
  const clock = new FakeClock();
  const store = new MemoryStore();
  const outcomes = new FakeOutcomes();
  const log = new FakeLogger();
  const table = ContractTable.load({ chunkBytes: 1 }, { store, outcomes, clock, log });
  const remover = new ContractRemover({
    table,
    allContracts: new ContractTables([table]),
    chunks: new FakeChunks(),
    tags: new FakeTags(),
    clock,
    log,
  });
  const answer = (id: string) => {
    table.apply(id, { type: 'chunk_stored' });
    const contract = table.get(id);
    if (contract?.phase !== 'proving') return;
    table.apply(id, { type: 'proved', challenge: contract.challenge, response: 'r' });
    table.apply(id, { type: 'verdict', challenge: contract.challenge, passed: true });
  };
  const perform = async (action: Action) => {
    switch (action.kind) {
      case 'accept':
        if (table.has(makeId(action.n)) || store.full) return;
        table.add([{ terms: terms({ id: makeId(action.n), acceptedAt: clock.now() }), challenge: '0.1' }]);
        return;
      case 'end':
        await remover.end(makeId(action.n), 'ended_by_node');
        return;
      case 'event':
        table.apply(makeId(action.n), action.event(clock.now()));
        return;
      case 'answer':
        answer(makeId(action.n));
        return;
      case 'sweep':
        table.sweep({ nodeReachable: true, runningSince: 0 });
        return;
      case 'pass':
        await clock.jump(action.ms);
        return;
      case 'disk':
        store.full = action.full;
        return;
    }
  };
  return { clock, store, outcomes, table, perform };
}

const actions = fc.array(action, { maxLength: 60, size: 'max' });

describe('ContractTable under random events', () => {
  it('stores every contract in the table, and counts each once', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (performed) => {
        const { table, store, perform } = aTable();
        for (const each of performed) {
          await perform(each);
          expect(table.ids().every((id) => store.rows.has(id))).toBe(true);
          expect(PHASES.reduce((sum, phase) => sum + table.phases[phase], 0)).toBe(table.size);
          expect(table.load.challengesPerMs).toBeCloseTo(table.size / INTERVAL_MS, 9);
        }
      }),
    );
  });

  it('reports the earliest deadline of all contracts', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (performed) => {
        const { table, perform } = aTable();
        for (const each of performed) {
          await perform(each);
          const dues = table
            .ids()
            .flatMap((id) => table.get(id) ?? [])
            .map(dueAt);
          expect(table.nextDueAt).toBe(dues.length === 0 ? undefined : Math.min(...dues));
        }
      }),
    );
  });

  it('settles every overdue round in a sweep', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (performed) => {
        const { table, clock, perform } = aTable();
        for (const each of performed) await perform(each);
        await perform({ kind: 'sweep' });
        for (const id of table.ids()) {
          const contract = table.get(id);
          expect(contract && dueAt(contract)).toBeGreaterThan(clock.now());
        }
      }),
    );
  });

  it('settles, counts and stores every round exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (performed) => {
        const { table, store, outcomes, perform } = aTable();
        const next = new Map<string, number>();
        let written = 0;
        for (const each of performed) {
          if (each.kind === 'disk') continue;
          await perform(each);
          if (each.kind === 'accept' && table.get(makeId(each.n))?.round.number === 0) next.set(makeId(each.n), 0);
          for (const { contract, round, count } of store.entries.slice(written)) {
            expect(round).toBe(next.get(contract));
            next.set(contract, round + count);
          }
          written = store.entries.length;
          for (const id of table.ids()) expect(table.get(id)?.round.number).toBe(next.get(id));
        }
        const counted = outcomes.passes.length + outcomes.failures.reduce((sum, { count }) => sum + count, 0);
        expect(counted).toBe(store.entries.reduce((sum, { count }) => sum + count, 0));
        expect(Object.values(table.tally).reduce((sum, count) => sum + count, 0)).toBe(counted);
      }),
    );
  });

  it('settles a round later if a rounding error puts its deadline just after now', async () => {
    const { table, clock, outcomes } = aTable();
    const acceptedAt = clock.now();
    // An interval for which the sum of start and interval is rounded down.
    const ms = Array.from({ length: 1_000 }, (_, n) => 1_000 + n / 7).find(
      (each) => acceptedAt + each - acceptedAt < each,
    );
    if (ms === undefined) throw new Error('no such interval');
    table.add([{ terms: terms({ id: makeId(1), acceptedAt, intervalMs: ms }), challenge: '0.1' }]);
    const sweep = () => table.sweep({ nodeReachable: true, runningSince: 0 });
    await clock.jump(acceptedAt + ms - acceptedAt);
    sweep();
    await clock.jump(1);
    sweep();
    expect(outcomes.failures).toHaveLength(1);
  });
});
