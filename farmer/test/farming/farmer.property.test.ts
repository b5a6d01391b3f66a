import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeId } from '../fakes/builders.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;
const CONTRACTS = 3;

/** A failure, or the end of one. */
const failure = fc.oneof(
  fc.record({ kind: fc.constant('down' as const), is: fc.boolean() }),
  fc.record({ kind: fc.constant('busy' as const), forMs: fc.option(fc.nat(60 * SECOND), { nil: undefined }) }),
  fc.record({ kind: fc.constant('lost responses' as const), count: fc.nat(4) }),
  fc.record({ kind: fc.constant('corrupt' as const), n: fc.integer({ min: 1, max: CONTRACTS }) }),
  fc.record({ kind: fc.constant('missing' as const), n: fc.integer({ min: 1, max: CONTRACTS }) }),
  fc.record({ kind: fc.constant('hidden' as const), is: fc.boolean() }),
  fc.record({ kind: fc.constant('suspended' as const), ms: fc.nat(150 * SECOND) }),
  fc.record({ kind: fc.constant('disk full' as const), is: fc.boolean() }),
);
/** Failures, each followed by a number of seconds. */
const failures = fc.array(fc.tuple(failure, fc.integer({ min: 1, max: 50 })), { maxLength: 12 });

type World = ReturnType<typeof aFarmer>;
type Failure = typeof failure extends fc.Arbitrary<infer T> ? T : never;

async function inject({ node, chunks, store, clock }: World, failure: Failure): Promise<void> {
  switch (failure.kind) {
    case 'down':
      node.faults.isDown = failure.is;
      return;
    case 'busy':
      node.faults.busyForMs = failure.forMs;
      return;
    case 'lost responses':
      node.faults.lostResponses = failure.count;
      return;
    case 'corrupt':
      chunks.corrupt.add(makeId(failure.n));
      return;
    case 'missing':
      chunks.present.delete(makeId(failure.n));
      return;
    case 'hidden':
      node.faults.hidesChallenges = failure.is;
      return;
    case 'suspended':
      await clock.jump(failure.ms);
      return;
    case 'disk full':
      store.full = failure.is;
      return;
  }
}

/** Runs a farmer through failures, and then for a while without any. */
async function runThrough(failures: readonly (readonly [Failure, number])[]): Promise<World> {
  const world = aFarmer({ contracts: CONTRACTS, scrubCycleMs: 20 * SECOND });
  world.start();
  await world.clock.advance(5 * SECOND);
  for (const [failure, seconds] of failures) {
    await inject(world, failure);
    await world.clock.advance(seconds * SECOND);
  }
  Object.assign(world.node.faults, { isDown: false, busyForMs: undefined, lostResponses: 0, hidesChallenges: false });
  world.store.full = false;
  await world.clock.advance(150 * SECOND);
  return world;
}

describe('Farmer under random failures', () => {
  const RUNS = { numRuns: 25 };

  it('loses no contract, reports no unexpected error, and passes again', async () => {
    await fc.assert(
      fc.asyncProperty(failures, async (injected) => {
        const { table, node, store, outcomes, faults, clock, farmer } = await runThrough(injected);
        expect(faults).toEqual([]);
        expect(outcomes.ends).toEqual([]);
        expect([...node.contracts.keys()].sort()).toEqual(table.ids().sort());
        expect([...store.rows.keys()].sort()).toEqual(table.ids().sort());
        const passed = outcomes.passes.length;
        await clock.advance(61 * SECOND);
        expect(outcomes.passes.length - passed).toBeGreaterThanOrEqual(CONTRACTS);
        await farmer.stop();
      }),
      RUNS,
    );
  });

  it('never sends a wrong answer, nor an acknowledged answer again', async () => {
    await fc.assert(
      fc.asyncProperty(failures, async (injected) => {
        const { node, outcomes, farmer } = await runThrough(injected);
        expect(node.wrong).toEqual([]);
        expect(node.afterAcknowledgement).toEqual([]);
        expect(outcomes.failures.filter(({ reason }) => reason === 'wrong_answer' || reason === 'late')).toEqual([]);
        await farmer.stop();
      }),
      RUNS,
    );
  });

  it('counts no more passes than the node', async () => {
    await fc.assert(
      fc.asyncProperty(failures, async (injected) => {
        const { node, table, farmer } = await runThrough(injected);
        const verdicts = [...node.contracts.values()].flatMap(({ settled }) => [...settled.values()]);
        expect(table.tally.passed).toBeLessThanOrEqual(verdicts.filter(Boolean).length);
        await farmer.stop();
      }),
      RUNS,
    );
  });
});
