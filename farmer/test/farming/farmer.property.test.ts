import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeId } from '../fakes/builders.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;
const CONTRACTS = 3;

/** One thing that goes wrong, or comes right again. */
const trouble = fc.oneof(
  fc.record({ kind: fc.constant('down' as const), is: fc.boolean() }),
  fc.record({ kind: fc.constant('busy' as const), forMs: fc.option(fc.nat(60 * SECOND), { nil: undefined }) }),
  fc.record({ kind: fc.constant('lost replies' as const), count: fc.nat(4) }),
  fc.record({ kind: fc.constant('rot' as const), n: fc.integer({ min: 1, max: CONTRACTS }) }),
  fc.record({ kind: fc.constant('gone' as const), n: fc.integer({ min: 1, max: CONTRACTS }) }),
  fc.record({ kind: fc.constant('hidden' as const), is: fc.boolean() }),
  fc.record({ kind: fc.constant('asleep' as const), ms: fc.nat(150 * SECOND) }),
  fc.record({ kind: fc.constant('disk full' as const), is: fc.boolean() }),
);
const badTimes = fc.array(fc.tuple(trouble, fc.integer({ min: 1, max: 50 })), { maxLength: 12 });

type World = ReturnType<typeof aFarmer>;
type Trouble = typeof trouble extends fc.Arbitrary<infer T> ? T : never;

async function befall({ node, chunks, store, clock }: World, what: Trouble): Promise<void> {
  switch (what.kind) {
    case 'down':
      node.down = what.is;
      return;
    case 'busy':
      node.busyForMs = what.forMs;
      return;
    case 'lost replies':
      node.loseReplies = what.count;
      return;
    case 'rot':
      chunks.corrupt.add(makeId(what.n));
      return;
    case 'gone':
      chunks.present.delete(makeId(what.n));
      return;
    case 'hidden':
      node.hidesChallenges = what.is;
      return;
    case 'asleep':
      await clock.jump(what.ms);
      return;
    case 'disk full':
      store.full = what.is;
      return;
  }
}

/** Farms through bad times, and some good ones after them. */
async function farmThrough(times: readonly (readonly [Trouble, number])[]): Promise<World> {
  const world = aFarmer({ contracts: CONTRACTS, scrubCycleMs: 20 * SECOND });
  world.start();
  await world.clock.advance(5 * SECOND);
  for (const [what, seconds] of times) {
    await befall(world, what);
    await world.clock.advance(seconds * SECOND);
  }
  Object.assign(world.node, { down: false, busyForMs: undefined, loseReplies: 0, hidesChallenges: false });
  world.store.full = false;
  await world.clock.advance(150 * SECOND);
  return world;
}

describe('a farmer, through whatever times', () => {
  const RUNS = { numRuns: 25 };

  it('loses no contract, breaks down nowhere, and passes again', async () => {
    await fc.assert(
      fc.asyncProperty(badTimes, async (times) => {
        const { table, node, store, outcomes, faults, clock, farmer } = await farmThrough(times);
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

  it('never sends a wrong answer, nor an answer again that the node has acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(badTimes, async (times) => {
        const { node, outcomes, farmer } = await farmThrough(times);
        expect(node.wrong).toEqual([]);
        expect(node.afterAcknowledgement).toEqual([]);
        expect(outcomes.failures.filter(({ reason }) => reason === 'wrong_answer' || reason === 'late')).toEqual([]);
        await farmer.stop();
      }),
      RUNS,
    );
  });

  it('believes to have passed no more than the node knows of', async () => {
    await fc.assert(
      fc.asyncProperty(badTimes, async (times) => {
        const { node, table, farmer } = await farmThrough(times);
        const verdicts = [...node.contracts.values()].flatMap(({ settled }) => [...settled.values()]);
        expect(table.tally.passed).toBeLessThanOrEqual(verdicts.filter(Boolean).length);
        await farmer.stop();
      }),
      RUNS,
    );
  });
});
