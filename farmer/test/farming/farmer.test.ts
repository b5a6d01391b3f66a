import { settle } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { ChunkError } from '../../src/farming/errors.ts';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmer, FakeNode } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

describe('a farmer', () => {
  it('fills its capacity and answers the first challenges at once', async () => {
    const { start, clock, table, outcomes, faults } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(SECOND);
    expect(table.phases).toMatchObject({ waiting: 3, generating: 0 });
    expect(outcomes.passes).toHaveLength(3);
    expect(faults).toEqual([]);
  });

  it('passes every challenge of every contract for half an hour', async () => {
    const { start, clock, outcomes } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(30 * INTERVAL_MS + 5 * SECOND);
    expect(outcomes.passes).toHaveLength(3 * 31);
    expect(outcomes.failures).toEqual([]);
    expect(Math.min(...outcomes.passes)).toBeGreaterThan(INTERVAL_MS - 3 * SECOND);
  });

  it('says how long a challenge waited for a worker', async () => {
    const gate = Promise.withResolvers<void>();
    const { start, clock, chunks, outcomes, farmer } = aFarmer({ contracts: 3 });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    outcomes.waits = [];
    chunks.gate = gate.promise;
    await clock.advance(2.5 * SECOND);
    expect(farmer.queues.chunks).toMatchObject({ waiting: 1, running: 2 });
    expect(outcomes.waits).toEqual([0, 0]);
    chunks.gate = undefined;
    gate.resolve();
    await clock.advance(0);
    expect(outcomes.waits).toEqual([0, 0, expect.any(Number)]);
    expect(outcomes.waits[2]).toBeGreaterThanOrEqual(SECOND);
    expect(farmer.queues.chunks).toMatchObject({ waiting: 0, running: 0 });
  });

  it('takes no more than fits, and replaces what the node ended', async () => {
    const { start, clock, node, table, chunks, outcomes } = aFarmer({ contracts: 2 });
    node.supply = 10;
    start();
    await clock.advance(SECOND);
    expect(table.size).toBe(2);
    node.contracts.delete(makeId(1));
    await clock.advance(INTERVAL_MS + 5 * SECOND);
    expect(outcomes.ends).toEqual(['ended_by_node']);
    expect([...chunks.present]).toEqual([makeId(2), makeId(3)]);
    expect(table.ids()).toEqual([makeId(2), makeId(3)]);
  });

  it('asks for its token once, and goes on after a restart with token, contracts and chunks', async () => {
    const first = aFarmer({ contracts: 3 });
    first.start();
    await first.clock.advance(SECOND);
    await first.farmer.stop();
    const second = aFarmer(first);
    second.start();
    await second.clock.advance(2 * INTERVAL_MS);
    expect(first.node.registrations).toBe(1);
    expect(first.chunks.created).toHaveLength(3);
    expect(second.outcomes.failures).toEqual([]);
    expect(second.outcomes.passes.length).toBeGreaterThanOrEqual(3);
    expect(second.table.tally.passed).toBe(3 + second.outcomes.passes.length);
  });

  it('counts the challenges that went by while it was away', async () => {
    const first = aFarmer({ contracts: 1 });
    first.start();
    await first.clock.advance(SECOND);
    await first.farmer.stop();
    await first.clock.advance(3.5 * INTERVAL_MS);
    const second = aFarmer(first);
    second.start();
    await second.clock.advance(SECOND);
    expect(second.outcomes.failures).toEqual([{ reason: 'missed', count: 2 }]);
    expect(second.outcomes.passes).toHaveLength(1);
  });

  it('keeps trying to connect while there is no node, and is not ready meanwhile', async () => {
    const { start, clock, node, worker, table, log } = aFarmer({ contracts: 1 });
    node.down = true;
    start();
    await clock.advance(30 * SECOND);
    expect(worker.session.token).toBeUndefined();
    const pauses = log.lines
      .filter(({ message }) => message === 'registration failed')
      .map(({ fields }) => Number(fields['pauseMs']));
    expect(pauses.length).toBeGreaterThan(3);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    node.down = false;
    await clock.advance(60 * SECOND);
    expect(worker.session.token).toBe('token1');
    expect(table.size).toBe(1);
  });

  it('counts what a node that went away kept it from answering, and passes again when it is back', async () => {
    const { start, clock, node, outcomes, worker } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    node.down = true;
    await clock.advance(3 * INTERVAL_MS);
    expect(worker.isReachable).toBe(false);
    expect(outcomes.failures).toEqual([
      { reason: 'node_error', count: 1 },
      { reason: 'node_error', count: 1 },
    ]);
    node.down = false;
    await clock.advance(INTERVAL_MS);
    expect(outcomes.passes.length).toBeGreaterThan(1);
  });

  it('counts against the node what it keeps waiting: listings as well as verdicts', async () => {
    const { start, clock, node, outcomes, worker } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    const gate = Promise.withResolvers<void>();
    node.listingGate = gate.promise;
    await clock.advance(INTERVAL_MS / 4);
    expect(worker.isReachable).toBe(true);
    await clock.advance(2 * INTERVAL_MS);
    expect(worker.isReachable).toBe(false);
    expect(outcomes.failures).toEqual([{ reason: 'node_error', count: 1 }]);
    node.listingGate = undefined;
    gate.resolve();
    await clock.advance(INTERVAL_MS / 2);
    expect(outcomes.passes).toHaveLength(2);
    expect(worker.isReachable).toBe(true);
    node.silent = true;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.failures.map(({ reason }) => reason)).toEqual(['node_error', 'node_error']);
  });

  it('sends an answer again when the reply was lost, and it counts once', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1 });
    node.loseReplies = 2;
    start();
    await clock.advance(10 * SECOND);
    expect(node.answers).toHaveLength(3);
    expect(new Set(node.answers).size).toBe(1);
    expect(outcomes.passes).toHaveLength(1);
  });

  it('gives an answer no longer than until its deadline', async () => {
    const { start, clock, node, chunks } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.gate = gate.promise;
    start();
    await clock.advance(INTERVAL_MS - SECOND / 2);
    gate.resolve();
    await clock.advance(0);
    expect(node.timeouts).toEqual([expect.any(Number)]);
    expect(node.timeouts[0]).toBeLessThanOrEqual(SECOND / 2);
  });

  it('sends no answer after the deadline, where it would count against the next challenge', async () => {
    const { start, clock, node, chunks, outcomes } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.gate = gate.promise;
    // Due between two ticks of the sweep, which has not settled the round yet.
    node.intervalMs = INTERVAL_MS + 500;
    start();
    await clock.advance(INTERVAL_MS + 600);
    gate.resolve();
    await clock.advance(3 * SECOND);
    expect(node.answers).toEqual([`${makeId(1)}:1.1`]);
    expect(outcomes.failures).toEqual([{ reason: 'missed', count: 1 }]);
    expect(outcomes.passes).toHaveLength(1);
  });

  it('counts an answer that the node refuses, once, and goes on', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1 });
    node.rejectAnswers = true;
    start();
    await clock.advance(INTERVAL_MS / 2);
    expect(outcomes.failures).toEqual([{ reason: 'wrong_answer', count: 1 }]);
    node.rejectAnswers = false;
    await clock.advance(INTERVAL_MS);
    expect(outcomes.passes).toHaveLength(1);
  });

  it('never answers from a corrupt chunk: it makes it again, and still passes', async () => {
    const { start, clock, node, chunks, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.corrupt.add(makeId(1));
    await clock.advance(INTERVAL_MS);
    expect(chunks.created).toHaveLength(2);
    expect(outcomes.failures).toEqual([]);
    expect(node.answers).toEqual([`${makeId(1)}:1.0`, `${makeId(1)}:1.1`]);
  });

  it('counts chunk_unreadable when a lost chunk can not be made again in time, and tries on', async () => {
    const { start, clock, chunks, outcomes, table } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.present.clear();
    chunks.failures = Array.from({ length: 50 }, () => new ChunkError('disk_full', 'full'));
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.failures).toEqual([{ reason: 'chunk_unreadable', count: 1 }]);
    await clock.advance(3 * INTERVAL_MS);
    expect(chunks.present.has(makeId(1))).toBe(true);
    expect(table.phases.waiting).toBe(1);
  });

  it('takes no further contracts while the disk is full', async () => {
    const { start, clock, chunks, table } = aFarmer({ contracts: 50 });
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('disk_full', 'full'));
    start();
    await clock.advance(20 * SECOND);
    expect(table.size).toBeLessThanOrEqual(4);
    chunks.failures = [];
    await clock.advance(2 * INTERVAL_MS);
    expect(table.phases.waiting).toBe(50);
  });

  it('refuses a contract whose chunk has another hash, gives it back, and slows down', async () => {
    const { start, clock, node, chunks, outcomes, store } = aFarmer({ contracts: 1 });
    chunks.failures = Array.from({ length: 10_000 }, () => new ChunkError('hash_mismatch', 'other'));
    start();
    await clock.advance(60 * SECOND);
    expect(outcomes.refusals.every((reason) => reason === 'hash_mismatch')).toBe(true);
    expect(outcomes.refusals.length).toBeGreaterThan(2);
    expect(outcomes.refusals.length).toBeLessThan(20);
    expect(node.released).toHaveLength(outcomes.refusals.length);
    expect(store.rows.size).toBe(0);
    expect(chunks.present.size).toBe(0);
  });

  it('misses no challenge while the node takes its time to take back what was refused', async () => {
    const { start, clock, node, chunks, outcomes } = aFarmer({ contracts: 20 });
    node.supply = 2;
    start();
    await clock.advance(SECOND);
    chunks.failures = Array.from({ length: 100 }, () => new ChunkError('hash_mismatch', 'other'));
    node.releaseGate = new Promise(() => {});
    node.supply = 100;
    await clock.advance(5 * INTERVAL_MS);
    expect(outcomes.refusals.length).toBeGreaterThan(4);
    expect(outcomes.failures).toEqual([]);
  });

  it('makes a chunk again soon after it can, however long it could not', async () => {
    const { start, clock, node, chunks, farmer } = aFarmer({ contracts: 1 });
    node.intervalMs = INTERVAL_MS / 6;
    start();
    await clock.advance(SECOND);
    chunks.failures = Array.from({ length: 100_000 }, () => new ChunkError('no_space', 'none'));
    chunks.present.clear();
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(10 * INTERVAL_MS);
    chunks.failures = [];
    await clock.advance(SECOND);
    expect(chunks.present.size).toBe(1);
  });

  it('keeps a chunk that was made again while an older reading of it failed', async () => {
    const { start, clock, chunks, farmer, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    const gate = Promise.withResolvers<void>();
    let readings = 0;
    chunks.proofTime = async () => {
      readings += 1;
      if (readings > 1) return;
      await gate.promise;
      throw new ChunkError('unreadable', 'the disk went away');
    };
    await clock.advance(3 * SECOND);
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(SECOND);
    gate.resolve();
    await clock.advance(SECOND);
    expect([chunks.created.length, outcomes.passes.length, outcomes.failures]).toEqual([2, 2, []]);
  });

  it('finishes the answers under way when it is stopped, and takes nothing new', async () => {
    const { start, clock, node, chunks, farmer, outcomes } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.gate = gate.promise;
    start();
    await clock.advance(SECOND);
    node.supply = 5;
    const stopped = farmer.stop();
    await settle();
    expect(node.answers).toEqual([]);
    gate.resolve();
    await stopped;
    expect(node.answers).toHaveLength(1);
    expect(outcomes.passes).toHaveLength(1);
    expect(node.contracts.size).toBe(1);
  });

  it('gives up after three seconds what a silent node does not acknowledge', async () => {
    const { start, clock, node, farmer, faults } = aFarmer({ contracts: 1 });
    node.silent = true;
    start();
    await clock.advance(SECOND);
    const stopped = farmer.stop();
    await clock.advance(3 * SECOND);
    await stopped;
    expect(node.answers).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  it('farms on, and writes the truth later, while its state can not be written', async () => {
    const { start, clock, store, outcomes, table, log, faults } = aFarmer({ contracts: 2, scrubCycleMs: 10 * SECOND });
    start();
    await clock.advance(SECOND);
    store.full = true;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.passes).toHaveLength(6);
    expect(log.messages('error')).toContain('state write failed');
    expect(log.messages('warn')).toContain('scrub progress write failed');
    expect([faults, table.isWritten]).toEqual([[], false]);
    store.full = false;
    await clock.advance(INTERVAL_MS);
    expect(table.isWritten).toBe(true);
    expect(store.tally().passed).toBe(outcomes.passes.length);
    expect(store.rows.get(makeId(1))?.round).toEqual(table.get(makeId(1))?.round);
  });

  it('takes no contract that it can not write down, and gives it back', async () => {
    const { start, clock, store, node, table } = aFarmer({ contracts: 1 });
    store.saveToken(await node.register());
    store.full = true;
    start();
    await clock.advance(10 * SECOND);
    expect(table.size).toBe(0);
    expect(node.released).toEqual([makeId(1)]);
  });

  it('uses no token that it can not write down: the contracts would be lost with it', async () => {
    const { start, clock, store, node, table, faults } = aFarmer({ contracts: 1 });
    store.full = true;
    start();
    await clock.advance(30 * SECOND);
    expect([table.size, node.contracts.size]).toEqual([0, 0]);
    store.full = false;
    await clock.advance(60 * SECOND);
    expect([store.saved, table.size]).toEqual([node.token, 1]);
    expect(faults).toEqual([]);
  });

  it('reports a fault of its own instead of going on as if nothing was', async () => {
    class BrokenNode extends FakeNode {
      override async listContracts(): Promise<never> {
        throw new TypeError('bug');
      }
    }
    const world = aFarmer({ contracts: 1 });
    const { start, clock, faults } = aFarmer({ node: new BrokenNode(world.clock) });
    start();
    await clock.advance(SECOND);
    expect(faults).toEqual([new TypeError('bug')]);
  });

  it('takes none while the disks have no room, and goes on when they have', async () => {
    const { start, clock, freeSpace, table, outcomes } = aFarmer({ contracts: 5 });
    freeSpace.chunks = 2;
    start();
    await clock.advance(10 * SECOND);
    freeSpace.chunks = 0;
    const held = table.size;
    expect(held).toBeGreaterThan(0);
    await clock.advance(INTERVAL_MS);
    expect(table.size).toBe(held);
    expect(outcomes.failures).toEqual([]);
    freeSpace.chunks = 10;
    await clock.advance(INTERVAL_MS);
    expect(table.size).toBe(5);
  });

  it('takes no more than it can prove in time, as it measures itself', async () => {
    const { start, clock, chunks, table, farmer, outcomes, node } = aFarmer({ contracts: 100 });
    node.intervalMs = 10 * SECOND;
    const proofMs = 1_000;
    chunks.proofTime = async () => await clock.sleep(proofMs);
    start();
    await clock.advance(5 * INTERVAL_MS);
    // Two workers have nine seconds of ten, less a proof: sixteen, of which seven tenths are taken on.
    expect(farmer.capacityEstimate).toBe(15);
    expect(table.size).toBe(10);
    expect(outcomes.failures).toEqual([]);
  });

  it('does not begin a proof that can not be there in time, and says that no worker was free', async () => {
    const { start, clock, chunks, outcomes, store, node } = aFarmer({ contracts: 1 });
    const roundMs = 4 * INTERVAL_MS;
    node.intervalMs = roundMs;
    let read = 0;
    chunks.proofTime = async () => {
      read += 1;
      await clock.sleep(40 * SECOND);
    };
    start();
    await clock.advance(roundMs - SECOND);
    expect([read, outcomes.passes.length]).toEqual([1, 1]);
    const gate = Promise.withResolvers<void>();
    node.listingGate = gate.promise;
    await clock.advance(roundMs - 15 * SECOND);
    node.listingGate = undefined;
    gate.resolve();
    await clock.advance(15 * SECOND);
    expect(read).toBe(1);
    await clock.advance(2 * SECOND);
    expect(store.entries.at(-1)).toMatchObject({ outcome: 'missed', cause: 'no_worker', round: 1 });
    await clock.advance(50 * SECOND);
    expect([read, outcomes.passes.length]).toEqual([2, 2]);
  });

  it('tries a proof with a tenth of its round left, however slow the proofs of other contracts are', async () => {
    const { start, clock, chunks, outcomes, farmer } = aFarmer({ contracts: 1 });
    farmer.throughput.recordProof(10 * INTERVAL_MS);
    chunks.proofTime = async () => await clock.sleep(SECOND);
    start();
    await clock.advance(3 * INTERVAL_MS - SECOND);
    expect([outcomes.passes.length, outcomes.failures]).toEqual([3, []]);
  });

  it('writes a line of its journal for each challenge, with its times', async () => {
    const { start, clock, store, node } = aFarmer({ contracts: 1 });
    node.loseReplies = 1;
    start();
    await clock.advance(10 * SECOND);
    const [entry] = store.entries;
    expect(entry).toMatchObject({ contract: makeId(1), round: 0, outcome: 'passed', attempts: 2 });
    const { receivedAt = 0, queuedAt = 0, readAt = 0, hashedAt = 0, sentAt = 0, acknowledgedAt = 0 } = entry ?? {};
    const times = [receivedAt, queuedAt, readAt, hashedAt, sentAt, acknowledgedAt];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(receivedAt).toBeGreaterThan(0);
  });

  it('misses no challenge of a chunk that is whole while many others are made again', async () => {
    const { start, clock, node, chunks, farmer, store, table } = aFarmer({ contracts: 40 });
    node.supply = 30;
    start();
    await clock.advance(SECOND);
    Object.assign(node, { supply: 40, intervalMs: 2 * INTERVAL_MS });
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    expect(table.phases.waiting).toBe(40);
    chunks.makeTime = async () => await clock.sleep(30 * SECOND);
    const lost = Array.from({ length: 30 }, (_, n) => makeId(n + 1));
    for (const id of lost) chunks.present.delete(id);
    farmer.contracts.chunksLost(lost);
    await clock.advance(5 * INTERVAL_MS);
    const ofWhole = store.entries.filter(({ contract }) => !lost.includes(contract));
    expect(ofWhole.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    expect(ofWhole.length).toBeGreaterThanOrEqual(3 * 10);
    expect(chunks.created.length).toBeGreaterThan(50);
  });

  it('counts a chunk that it made again as repaired', async () => {
    const { start, clock, chunks, outcomes, farmer } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    expect(outcomes.repairs).toBe(0);
    chunks.corrupt.add(makeId(1));
    await clock.advance(INTERVAL_MS);
    expect(outcomes.repairs).toBe(1);
    chunks.present.delete(makeId(2));
    farmer.contracts.chunksLost([makeId(2)]);
    await clock.advance(SECOND);
    expect(outcomes.repairs).toBe(2);
    expect(chunks.present.has(makeId(2))).toBe(true);
  });

  it('goes on with a chunk that is found again before it could be made', async () => {
    const { start, clock, chunks, farmer, table } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('no_space', 'none'));
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(10 * SECOND);
    expect(table.phases.generating).toBe(1);
    farmer.contracts.chunksFound([makeId(1)]);
    expect(table.phases.generating).toBe(0);
  });

  it('counts what fell due while it was stopped as missed, however long nobody asked the node', async () => {
    const { start, clock, node, chunks, store, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    await clock.jump(3 * INTERVAL_MS);
    await clock.advance(5 * SECOND);
    expect(log.messages('warn')).toContain('process was suspended');
    expect(store.entries.at(-2)).toMatchObject({ outcome: 'missed', cause: 'farmer_stopped', count: 2 });
    expect(store.entries.at(-1)).toMatchObject({ outcome: 'passed' });
    expect([node.registrations, chunks.created.length]).toEqual([1, 1]);
  });

  it('counts a challenge that the node never listed, though it answered', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    node.hidesChallenges = true;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.failures).toEqual([{ reason: 'not_challenged', count: 1 }]);
  });

  it('leaves a node alone for as long as it wants, but never past the next deadline', async () => {
    const { start, clock, node, outcomes, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    node.busyForMs = 10 * SECOND;
    const before = node.calls;
    await clock.advance(9 * SECOND);
    expect(node.calls - before).toBeLessThan(4);
    node.busyForMs = 3_600 * SECOND;
    await clock.advance(20 * SECOND);
    node.busyForMs = undefined;
    await clock.advance(40 * SECOND);
    expect(outcomes.failures).toEqual([]);
    expect(outcomes.passes).toHaveLength(3);
    expect(log.messages('error')).toEqual([]);
  });

  it('keeps answers back while the circuit breaker is open, and delivers them when it closes', async () => {
    const { start, clock, node, circuit, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    circuit.retryAfterMs = 2 * SECOND;
    await clock.advance(INTERVAL_MS + 20 * SECOND);
    expect(node.answers).toHaveLength(1);
    circuit.retryAfterMs = undefined;
    await clock.advance(20 * SECOND);
    expect(node.answers).toHaveLength(2);
    expect(outcomes.failures).toEqual([]);
  });
});
