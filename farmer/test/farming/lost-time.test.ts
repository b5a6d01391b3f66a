import { describe, expect, it } from '@jest/globals';
import { INTERVAL_MS } from '../fakes/builders.ts';
import { aFarmer, type FakeNode } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;
const HOUR = 3_600_000;

type TestFarmer = ReturnType<typeof aFarmer>;

/** Time passes, but no clock of this machine sees it. */
function pauseMachine({ node }: { node: FakeNode }, ms: number): void {
  node.faults.aheadMs += ms;
}

/** The operator or a time server sets the system clock. */
function setClock({ clock }: TestFarmer, byMs: number): void {
  clock.wallOffsetMs += byMs;
}

async function startFarmer(contracts = 3): Promise<TestFarmer> {
  const farmer = aFarmer({ contracts });
  farmer.start();
  await farmer.clock.advance(2.5 * INTERVAL_MS);
  return farmer;
}

const count = ({ outcomes }: TestFarmer) => outcomes.failures.reduce((sum, failure) => sum + failure.count, 0);

describe('After a pause of the machine, the farmer', () => {
  it.each([
    ['the system clock steps forward', { isSet: true, hidesClock: false }],
    ['the system clock does not step forward', { isSet: false, hidesClock: false }],
    ['the node has no clock', { isSet: true, hidesClock: true }],
  ])('counts the lost rounds if %s', async (_, { isSet, hidesClock }) => {
    const farmer = await startFarmer();
    const { clock, node, store, outcomes, log } = farmer;
    node.faults.hidesClock = hidesClock;
    await clock.advance(4 * SECOND);
    pauseMachine(farmer, 10 * INTERVAL_MS);
    if (isSet) setClock(farmer, 10 * INTERVAL_MS);
    await clock.advance(5 * SECOND);
    expect(outcomes.failures).toEqual(Array.from({ length: 3 }, () => ({ reason: 'missed', count: 9 })));
    expect(store.entries).toContainEqual(expect.objectContaining({ outcome: 'missed', cause: 'farmer_stopped' }));
    expect(log.messages('warn')).toContain('process was suspended');
    const passes = outcomes.passes.length;
    await clock.advance(3 * INTERVAL_MS);
    expect({ failed: count(farmer), passed: outcomes.passes.length - passes }).toEqual({ failed: 27, passed: 9 });
    expect(node.wrong).toEqual([]);
  });

  it('lists again before it sends the answers that were queued', async () => {
    const farmer = await startFarmer();
    const { clock, node, circuit } = farmer;
    circuit.retryAfterMs = 500;
    await clock.advance(INTERVAL_MS);
    const sent = node.answers.length;
    circuit.retryAfterMs = undefined;
    pauseMachine(farmer, INTERVAL_MS);
    setClock(farmer, INTERVAL_MS);
    await clock.advance(10 * SECOND);
    expect({ sent: node.answers.length - sent, wrong: node.wrong }).toEqual({ sent: 3, wrong: [] });
  });

  it('discards a listing that was in flight', async () => {
    const farmer = await startFarmer(1);
    const { clock, node, outcomes } = farmer;
    const gate = Promise.withResolvers<void>();
    await clock.advance(INTERVAL_MS / 2 - 3 * SECOND);
    node.delays.listing = gate.promise;
    await clock.advance(4 * SECOND);
    pauseMachine(farmer, INTERVAL_MS);
    setClock(farmer, INTERVAL_MS);
    node.delays.listing = undefined;
    gate.resolve();
    await clock.advance(10 * SECOND);
    expect({ failures: outcomes.failures, wrong: node.wrong }).toEqual({
      failures: [{ reason: 'missed', count: 1 }],
      wrong: [],
    });
  });

  it('does not move a contract that was accepted after it', async () => {
    const farmer = aFarmer({ contracts: 2 });
    const { clock, node, outcomes } = farmer;
    node.supply = 1;
    farmer.start();
    await clock.advance(INTERVAL_MS + 15 * SECOND);
    const gate = Promise.withResolvers<void>();
    node.delays.listing = gate.promise;
    pauseMachine(farmer, 10 * INTERVAL_MS);
    setClock(farmer, 10 * INTERVAL_MS);
    node.supply = 2;
    await clock.advance(12 * SECOND);
    node.delays.listing = undefined;
    gate.resolve();
    await clock.advance(12 * SECOND);
    expect(outcomes.failures).toEqual([{ reason: 'missed', count: 9 }]);
  });
});

describe('Without lost time, the farmer', () => {
  it.each([HOUR, -HOUR, 20 * SECOND])('counts nothing if the system clock is set by %i ms', async (byMs) => {
    const farmer = await startFarmer();
    const { clock, outcomes } = farmer;
    setClock(farmer, byMs);
    await clock.advance(3 * INTERVAL_MS);
    expect({ failed: outcomes.failures, passed: outcomes.passes.length }).toEqual({ failed: [], passed: 18 });
  });

  it('counts nothing if both clocks are set, but the node lists no new challenges', async () => {
    const farmer = await startFarmer();
    const { clock, node, outcomes } = farmer;
    node.faults.dateErrorMs = HOUR;
    await clock.advance(INTERVAL_MS);
    node.faults.dateErrorMs = 2 * HOUR;
    setClock(farmer, HOUR);
    await clock.advance(2 * INTERVAL_MS);
    expect({ failed: outcomes.failures, passed: outcomes.passes.length }).toEqual({ failed: [], passed: 18 });
  });

  it('lists a challenge again that is early, and answers it once', async () => {
    const farmer = await startFarmer(1);
    const { clock, node, outcomes } = farmer;
    node.faults.hidesClock = true;
    await clock.advance(4 * SECOND);
    const calls = node.calls;
    pauseMachine(farmer, INTERVAL_MS);
    await clock.advance(2 * SECOND);
    expect(node.calls - calls).toBe(1);
    expect(outcomes.passes).toHaveLength(3);
    await clock.advance(2 * SECOND);
    expect(outcomes.passes).toHaveLength(4);
    expect(node.wrong).toEqual([]);
  });

  it('applies listings even if the system clock keeps jumping', async () => {
    const farmer = await startFarmer();
    const { clock, node, outcomes } = farmer;
    const list = node.listContracts.bind(node);
    node.listContracts = async (token) => {
      setClock(farmer, HOUR);
      return await list(token);
    };
    await clock.advance(3 * INTERVAL_MS);
    expect({ failed: outcomes.failures, passed: outcomes.passes.length }).toEqual({ failed: [], passed: 18 });
  });
});

describe('After a restart, the farmer', () => {
  const restart = async (before: TestFarmer): Promise<TestFarmer> => {
    await before.farmer.stop();
    const { node, chunks, store } = before;
    return aFarmer({ contracts: 3, node, chunks, store });
  };

  it.each([
    ['the lost rounds if both clocks agree on the downtime', { wallMs: 10 * INTERVAL_MS, hidesClock: false, lost: 30 }],
    ['the lost rounds if the system clock was ahead before', { wallMs: -HOUR, hidesClock: false, lost: 30 }],
    ['the lost rounds if the system clock was behind before', { wallMs: HOUR, hidesClock: false, lost: 30 }],
    ['nothing if the downtime is unknown', { wallMs: HOUR, hidesClock: true, lost: 0 }],
  ])('counts %s', async (_, { wallMs, hidesClock, lost }) => {
    const before = await startFarmer();
    before.node.faults.hidesClock = hidesClock;
    // The machine was restarted, so only clocks that can be set continue.
    const after = await restart(before);
    pauseMachine(after, 10 * INTERVAL_MS);
    setClock(after, wallMs);
    after.start();
    await after.clock.advance(10 * SECOND);
    expect(Math.abs(count(after) - lost)).toBeLessThanOrEqual(3);
    await after.clock.advance(2 * INTERVAL_MS);
    expect(Math.abs(count(after) - lost)).toBeLessThanOrEqual(3);
    expect(after.node.wrong).toEqual([]);
  });
});
