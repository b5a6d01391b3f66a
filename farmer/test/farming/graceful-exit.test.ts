import { describe, expect, it } from '@jest/globals';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

describe('GracefulExit', () => {
  it('releases every contract, deletes the chunks and accepts no more contracts', async () => {
    const { start, clock, node, worker, table, chunks, store, outcomes } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(SECOND);
    expect(worker.exit.start()).toMatchObject({ state: 'exiting', remaining: 3 });
    await clock.advance(10 * SECOND);
    expect(worker.exit.progress).toMatchObject({ state: 'exited', released: 3, remaining: 0, lastError: undefined });
    expect(node.released.sort()).toEqual([makeId(1), makeId(2), makeId(3)]);
    expect({
      contracts: table.size,
      chunks: chunks.present.size,
      rows: store.rows.size,
      nodeContracts: node.contracts.size,
    }).toEqual({ contracts: 0, chunks: 0, rows: 0, nodeContracts: 0 });
    expect(outcomes.ends).toEqual(['released', 'released', 'released']);
    await clock.advance(INTERVAL_MS);
    expect(table.size).toBe(0);
  });

  it('continues after a restart, and proves the contracts that are not released yet', async () => {
    const first = aFarmer({ contracts: 3 });
    first.start();
    await first.clock.advance(SECOND);
    first.node.faults.failsReleases = true;
    first.worker.exit.start();
    await first.clock.advance(2 * INTERVAL_MS);
    expect(first.table.size).toBe(3);
    expect(first.worker.exit.progress.lastError).toBe('unreachable');
    expect(first.outcomes.passes.length).toBeGreaterThanOrEqual(6);
    await first.farmer.stop();
    const second = aFarmer(first);
    second.node.faults.failsReleases = false;
    second.start();
    await second.clock.advance(10 * SECOND);
    expect(second.worker.exit.progress).toMatchObject({ state: 'exited', remaining: 0 });
    expect(second.table.size).toBe(0);
  });

  it('completes as soon as the state can be written', async () => {
    const { start, clock, store, worker, faults } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    worker.exit.start();
    store.full = true;
    await clock.advance(10 * SECOND);
    expect(worker.exit.progress).toMatchObject({ state: 'exiting', remaining: 2 });
    store.full = false;
    await clock.advance(4 * SECOND);
    expect({ state: worker.exit.progress.state, rows: store.rows.size, faults }).toEqual({
      state: 'exited',
      rows: 0,
      faults: [],
    });
  });

  it('ends a contract that the node does not know once the listings confirm it', async () => {
    const { start, clock, node, worker, table } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    node.faults.losesReleases = true;
    worker.exit.start();
    await clock.advance(10 * SECOND);
    expect({ contracts: table.size, lastError: worker.exit.progress.lastError }).toEqual({
      contracts: 1,
      lastError: 'no_hash',
    });
    await clock.advance(INTERVAL_MS);
    expect({ contracts: table.size, state: worker.exit.progress.state }).toEqual({ contracts: 0, state: 'exited' });
  });

  it('drops no contract without a release while the token is rejected temporarily', async () => {
    const { start, clock, node, worker, outcomes } = aFarmer({ contracts: 5 });
    start();
    await clock.advance(SECOND);
    const { token } = node;
    node.token = 'forgotten';
    worker.exit.start();
    await clock.advance(5 * SECOND);
    node.token = token;
    await clock.advance(INTERVAL_MS);
    expect({ state: worker.exit.progress.state, released: node.released.length, ends: outcomes.ends }).toEqual({
      state: 'exited',
      released: 5,
      ends: Array(5).fill('released'),
    });
  });

  it('does not complete while a contract offer is in flight', async () => {
    const { start, clock, node, worker, table } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    node.delays.offer = gate.promise;
    start();
    await clock.advance(SECOND);
    worker.exit.start();
    await clock.advance(10 * SECOND);
    expect(worker.exit.progress).toMatchObject({ state: 'exiting', remaining: 0 });
    gate.resolve();
    await clock.advance(3 * SECOND);
    expect({ state: worker.exit.progress.state, contracts: table.size, released: node.released }).toEqual({
      state: 'exited',
      contracts: 0,
      released: [makeId(1)],
    });
  });

  it('continues with the other contracts if one cannot be released', async () => {
    const { start, clock, node, worker, table } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(SECOND);
    node.faults.rejectsRelease = makeId(1);
    worker.exit.start();
    await clock.advance(10 * SECOND);
    expect(table.ids()).toEqual([makeId(1)]);
    expect(worker.exit.progress.lastError).toBe('rejected');
    node.faults.rejectsRelease = undefined;
    await clock.advance(60 * SECOND);
    expect(worker.exit.progress.state).toBe('exited');
  });

  it('completes at once for a node that it never reached', async () => {
    const { start, clock, node, worker } = aFarmer({ contracts: 1 });
    node.faults.isDown = true;
    start();
    await clock.advance(10 * SECOND);
    worker.exit.start();
    await clock.advance(2 * SECOND);
    expect(worker.exit.progress.state).toBe('exited');
  });

  it('accepts contracts again after it was cancelled', async () => {
    const { start, clock, worker, table } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    worker.exit.start();
    await clock.advance(10 * SECOND);
    expect(worker.exit.cancel()).toMatchObject({ state: 'active' });
    await clock.advance(10 * SECOND);
    expect(table.phases.waiting).toBe(2);
  });
});
