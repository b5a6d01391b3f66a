import { FakeClock, settle } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { INTERVAL_MS, makeId, T0, terms } from '../fakes/builders.ts';
import { aFarmer, type FakeFaults, FakeNode, MemoryStore } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

describe('Refresher', () => {
  it('keeps a contract that was accepted while a listing without it was in flight', async () => {
    const { start, clock, node, table, outcomes } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    node.supply = 0;
    start();
    await clock.advance(SECOND);
    node.delays.listing = gate.promise;
    await clock.advance(3 * SECOND);
    node.supply = 1;
    await clock.advance(40 * SECOND);
    expect(table.size).toBe(1);
    gate.resolve();
    await clock.advance(SECOND);
    expect(table.size).toBe(1);
    expect(outcomes.ends).toEqual([]);
  });

  it('ends contracts only after repeated listings without them', async () => {
    const { start, clock, node, chunks, outcomes, table } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(INTERVAL_MS / 2);
    node.faults.listsNothing = true;
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    node.faults.listsNothing = false;
    await clock.advance(INTERVAL_MS / 2);
    expect({ contracts: table.size, ends: outcomes.ends, failures: outcomes.failures }).toEqual({
      contracts: 3,
      ends: [],
      failures: [],
    });
    expect({ passes: outcomes.passes.length, created: chunks.created.length }).toEqual({ passes: 6, created: 3 });
  });

  it('ends no contract whose entry in the listing may be one that cannot be read', async () => {
    const { start, clock, node, outcomes, table, log } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(INTERVAL_MS / 2);
    const [id = ''] = table.ids();
    node.faults.unreadable.add(id);
    await clock.advance(5 * INTERVAL_MS);
    expect({ contracts: table.size, ends: outcomes.ends }).toEqual({ contracts: 3, ends: [] });
    node.faults.unreadable.clear();
    const passed = outcomes.passes.length;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.passes.length - passed).toBeGreaterThanOrEqual(6);
    expect(outcomes.skipped[0]).toBe('invalid_contract 1');
    expect(log.messages('warn').filter((message) => message === 'listing entries skipped')).toHaveLength(1);
  });

  it('ends a contract although an entry cannot be read that was there before', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 3 });
    node.faults.unreadableEntries = 1;
    start();
    await clock.advance(2 * INTERVAL_MS);
    node.supply = 2;
    const [id = ''] = node.contracts.keys();
    node.contracts.delete(id);
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.ends).toEqual(['ended_by_node']);
  });

  it('lets other work run while it applies a listing of a thousand contracts', async () => {
    const store = new MemoryStore();
    store.saved = 'token';
    const node = new FakeNode(new FakeClock(T0));
    node.token = 'token';
    for (let n = 1; n <= 1_000; n++) {
      const id = makeId(n);
      store.rows.set(id, { terms: terms({ id }), round: { number: 0, issuedAt: T0 }, hadChunk: true });
      node.contracts.set(id, { startedAt: T0, settled: new Map() });
    }
    const { farmer, table, chunks } = aFarmer({ contracts: 1_000, node, store });
    chunks.gate = new Promise(() => {});
    farmer.start(
      () => true,
      () => {},
    );
    await settle(4);
    expect(table.phases.waiting).toBeGreaterThan(100);
    await settle(60);
    expect(table.phases.waiting).toBe(0);
  });

  it('counts no round of a contract that the node ended before its deadline', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1, pollIntervalMs: 25 * SECOND });
    start();
    await clock.advance(2 * INTERVAL_MS - 10 * SECOND);
    node.supply = 0;
    node.contracts.clear();
    await clock.advance(2 * INTERVAL_MS);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures, ends: outcomes.ends }).toEqual({
      passes: 2,
      failures: [],
      ends: ['ended_by_node'],
    });
  });

  it('counts no round while the token is rejected, but every round while the node is unreachable', async () => {
    const rejected = aFarmer({ contracts: 1, pollIntervalMs: 25 * SECOND });
    rejected.start();
    await rejected.clock.advance(2 * INTERVAL_MS - SECOND);
    rejected.node.supply = 0;
    rejected.node.token = 'forgotten';
    await rejected.clock.advance(2 * INTERVAL_MS);
    expect({ failures: rejected.outcomes.failures, ends: rejected.outcomes.ends }).toEqual({
      failures: [],
      ends: ['token_lost'],
    });

    const silent = aFarmer({ contracts: 1 });
    silent.start();
    await silent.clock.advance(INTERVAL_MS / 2);
    silent.node.faults.listsNothing = true;
    await silent.clock.advance(3 * SECOND);
    silent.node.faults.isDown = true;
    await silent.clock.advance(3 * INTERVAL_MS);
    expect({ contracts: silent.table.size, failures: silent.outcomes.failures.map(({ reason }) => reason) }).toEqual({
      contracts: 1,
      failures: ['node_error', 'node_error'],
    });
  });

  it('drops a contract that was requested with a token that was replaced since', async () => {
    const { start, clock, node, table } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    node.delays.offer = gate.promise;
    start();
    await clock.advance(SECOND);
    node.token = 'forgotten';
    await clock.advance(30 * SECOND);
    expect(node.registrations).toBe(2);
    node.supply = 0;
    gate.resolve();
    await clock.advance(SECOND);
    expect(table.size).toBe(0);
  });

  it('misses no challenge while deletions or releases hang', async () => {
    const { start, clock, node, chunks, outcomes, table, log } = aFarmer({ contracts: 5 });
    const gate = Promise.withResolvers<void>();
    start();
    await clock.advance(SECOND);
    chunks.removeGate = gate.promise;
    node.delays.release = gate.promise;
    node.supply = 0;
    for (const n of [1, 2, 3]) node.contracts.delete(makeId(n));
    for (const n of [97, 98, 99]) node.contracts.set(makeId(n), { startedAt: clock.now(), settled: new Map() });
    await clock.advance(10 * INTERVAL_MS);
    expect(outcomes.ends).toHaveLength(3);
    expect({ ids: table.ids(), failures: outcomes.failures }).toEqual({ ids: [makeId(4), makeId(5)], failures: [] });
    // A hanging deletion delays only the removal of that contract.
    expect({ contracts: table.size, errors: log.messages('error') }).toEqual({
      contracts: 2,
      errors: Array(3).fill('chunk deletion failed'),
    });
    gate.resolve();
    await clock.advance(10 * SECOND);
    expect(node.released.sort()).toEqual([97, 98, 99].map(makeId));
  });

  it('does not answer a challenge again that the node still lists after a restart', async () => {
    const first = aFarmer({ contracts: 1 });
    first.node.faults.listsSettled = true;
    first.start();
    await first.clock.advance(10 * SECOND);
    await first.farmer.stop();
    const second = aFarmer(first);
    second.start();
    await second.clock.advance(INTERVAL_MS);
    expect(first.node.afterAcknowledgement).toEqual([]);
    expect(second.table.tally.passed).toBe(2);
  });

  it('polls more often as soon as a contract with a short interval is held', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1, pollIntervalMs: 'default' });
    node.intervalMs = 3 * SECOND;
    start();
    await clock.advance(30 * SECOND);
    expect(outcomes.failures).toEqual([]);
    expect(outcomes.passes.length).toBeGreaterThanOrEqual(9);
  });

  it('registers again only after the token was rejected repeatedly', async () => {
    const { start, clock, node, outcomes, table } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    const { token } = node;
    node.token = 'forgotten';
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    expect(table.size).toBe(2);
    node.token = token;
    await clock.advance(INTERVAL_MS);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({ passes: 4, failures: [] });
    node.token = 'forgotten';
    node.contracts.clear();
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.ends).toEqual(['token_lost', 'token_lost']);
    expect(node.registrations).toBe(2);
    expect(table.phases.waiting).toBe(2);
  });

  it.each<[string, Partial<FakeFaults>, number]>([
    ['rejects the token', { rejectsListings: true }, 50],
    ['no longer lists them', { listsNothing: true }, 15],
  ])('ends no contracts whose answers pass, even if the node %s', async (_, failure, secondsMore) => {
    const { start, clock, node, chunks, outcomes, table } = aFarmer({ contracts: 4 });
    const proofs = [1, 2, 3, 4].map(() => Promise.withResolvers<void>());
    const pending = [...proofs];
    chunks.proofTime = async () => await pending.shift()?.promise;
    start();
    await clock.advance(5 * SECOND);
    Object.assign(node.faults, failure);
    for (const proof of proofs) {
      await clock.advance(12 * SECOND);
      proof.resolve();
    }
    await clock.advance(SECOND);
    expect(outcomes.passes).toHaveLength(4);
    await clock.advance(secondsMore * SECOND);
    Object.assign(node.faults, { rejectsListings: false, listsNothing: false });
    await clock.advance(INTERVAL_MS);
    expect({ contracts: table.size, ends: outcomes.ends, registrations: node.registrations }).toEqual({
      contracts: 4,
      ends: [],
      registrations: 1,
    });
  });

  it('distinguishes a rejected token from an unreachable node', async () => {
    const { start, clock, node, worker } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    node.faults.isDown = true;
    await clock.advance(20 * SECOND);
    expect({ isReachable: worker.isReachable, isTokenRejected: worker.session.isTokenRejected }).toEqual({
      isReachable: false,
      isTokenRejected: false,
    });
    node.faults.isDown = false;
    node.token = 'forgotten';
    await clock.advance(25 * SECOND);
    expect({ isReachable: worker.isReachable, isTokenRejected: worker.session.isTokenRejected }).toEqual({
      isReachable: true,
      isTokenRejected: true,
    });
  });

  it('does not confirm token rejections that other errors interrupt', async () => {
    const { start, clock, node, outcomes, table } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    const { token } = node;
    for (let n = 0; n < 40; n++) {
      node.token = 'forgotten';
      node.faults.isDown = n % 2 === 0;
      await clock.advance(10 * SECOND);
    }
    node.token = token;
    node.faults.isDown = false;
    await clock.advance(INTERVAL_MS);
    expect({ contracts: table.size, ends: outcomes.ends }).toEqual({ contracts: 2, ends: [] });
  });

  it('accepts no contracts with a token that was rejected, even if the node accepts it again', async () => {
    const { start, clock, node, outcomes, table, worker } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    const { token } = node;
    node.token = 'forgotten';
    node.faults.rejectsRegistrations = true;
    await clock.advance(3 * INTERVAL_MS);
    expect({ contracts: table.size, token: worker.session.token }).toEqual({ contracts: 0, token: undefined });
    node.contracts.clear();
    node.token = token;
    await clock.advance(INTERVAL_MS);
    expect(node.contracts.size).toBe(0);
    node.faults.rejectsRegistrations = false;
    await clock.advance(2 * INTERVAL_MS);
    expect({ contracts: table.size, ends: outcomes.ends }).toEqual({
      contracts: 2,
      ends: ['token_lost', 'token_lost'],
    });
  });

  it('releases no contract that it accepts while others are being released', async () => {
    const { start, clock, node, table } = aFarmer({ contracts: 3 });
    node.supply = 2;
    start();
    await clock.advance(SECOND);
    const gate = Promise.withResolvers<void>();
    node.delays.release = gate.promise;
    for (const n of [98, 3]) node.contracts.set(makeId(n), { startedAt: clock.now(), settled: new Map() });
    await clock.advance(10 * SECOND);
    node.supply = 5;
    await clock.advance(INTERVAL_MS);
    expect(table.ids()).toEqual([1, 2, 3].map(makeId));
    gate.resolve();
    await clock.advance(INTERVAL_MS);
    expect({ released: node.released, contracts: table.size }).toEqual({ released: [makeId(98)], contracts: 3 });
  });

  it.each<[string, (node: FakeNode) => void]>([
    ['rejected the token', (node) => Object.assign(node, { token: 'forgotten' })],
    ['was unreachable', ({ faults }) => Object.assign(faults, { isDown: true })],
  ])('misses no challenge of new contracts after the node %s while no contract was held', async (_, fail) => {
    const { start, clock, node, outcomes, table } = aFarmer({ contracts: 2, pollIntervalMs: 'default' });
    Object.assign(node, { intervalMs: 4 * SECOND, supply: 0 });
    start();
    for (let seconds = 31; seconds < 61; seconds++) {
      await clock.advance(20 * SECOND);
      fail(node);
      node.supply = 2;
      await clock.advance(seconds * SECOND);
      node.faults.isDown = false;
      await clock.advance(60 * SECOND);
      expect(table.size).toBe(2);
      expect(outcomes.failures).toEqual([]);
      node.supply = 0;
      node.contracts.clear();
    }
  });

  it('releases unknown contracts after three listings', async () => {
    const { start, clock, node } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    node.contracts.set(makeId(99), { startedAt: clock.now(), settled: new Map() });
    await clock.advance(2 * SECOND);
    expect(node.released).toEqual([]);
    await clock.advance(6 * SECOND);
    expect(node.released).toEqual([makeId(99)]);
  });

  it('releases at most five unknown contracts a second, however many the node lists', async () => {
    const { start, clock, node } = aFarmer({ contracts: 1 });
    start();
    for (let n = 100; n < 2_100; n++) node.contracts.set(makeId(n), { startedAt: clock.now(), settled: new Map() });
    await clock.advance(60 * SECOND);
    expect(node.released.length).toBeGreaterThan(100);
    expect(node.released.length).toBeLessThanOrEqual(300);
  });

  it('does not release a contract whose offer is still in flight', async () => {
    const { start, clock, node, table } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    node.delays.offer = gate.promise;
    start();
    await clock.advance(20 * SECOND);
    expect(node.contracts.size).toBe(1);
    gate.resolve();
    await clock.advance(SECOND);
    expect(table.ids()).toEqual([...node.contracts.keys()]);
    expect(node.released).toEqual([]);
  });
});
