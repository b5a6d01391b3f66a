import { settle } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { ChunkError } from '../../src/farming/errors.ts';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmer, FakeNode } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

describe('Farmer', () => {
  it('accepts contracts up to its capacity and answers their first challenges at once', async () => {
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

  it('reports how long a challenge waited for a worker', async () => {
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

  it('accepts no more contracts than its capacity, and replaces those that the node ended', async () => {
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

  it('registers once, and continues after a restart with its token, contracts and chunks', async () => {
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

  it('counts the challenges that fell due while it was stopped as missed', async () => {
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

  it('retries the registration with growing pauses while the node is unreachable', async () => {
    const { start, clock, node, worker, table, log } = aFarmer({ contracts: 1 });
    node.faults.isDown = true;
    start();
    await clock.advance(30 * SECOND);
    expect(worker.session.token).toBeUndefined();
    const pauses = log.lines
      .filter(({ message }) => message === 'registration failed')
      .map(({ fields }) => Number(fields['pauseMs']));
    expect(pauses.length).toBeGreaterThan(3);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    node.faults.isDown = false;
    await clock.advance(60 * SECOND);
    expect(worker.session.token).toBe('token1');
    expect(table.size).toBe(1);
  });

  it('counts node errors while the node is unreachable, and passes again afterwards', async () => {
    const { start, clock, node, outcomes, worker, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    const downAt = clock.now();
    node.faults.isDown = true;
    await clock.advance(3 * INTERVAL_MS);
    expect(worker.isReachable).toBe(false);
    expect(worker.problem).toMatchObject({ code: 'unreachable' });
    expect((worker.problem?.since ?? 0) - downAt).toBeLessThanOrEqual(2 * SECOND);
    expect(outcomes.failures).toEqual([
      { reason: 'node_error', count: 1 },
      { reason: 'node_error', count: 1 },
    ]);
    node.faults.isDown = false;
    await clock.advance(INTERVAL_MS);
    expect(worker.problem).toBeUndefined();
    expect(log.lines.find(({ message }) => message === 'node recovered')?.fields).toEqual({
      code: 'unreachable',
      failures: expect.any(Number),
      seconds: expect.any(Number),
    });
    expect(outcomes.passes.length).toBeGreaterThan(1);
  });

  it('distinguishes a node that responds with errors from one that does not respond', async () => {
    const { start, clock, node, worker } = aFarmer({ contracts: 1 });
    node.faults.rejectsRegistrations = true;
    start();
    expect({ reachable: worker.isReachable, problem: worker.problem }).toEqual({
      reachable: false,
      problem: undefined,
    });
    const startedAt = clock.now();
    await clock.advance(10 * SECOND);
    expect(worker.problem).toMatchObject({ code: 'http_error', since: startedAt });
    expect(worker.isReachable).toBe(true);
    node.faults.rejectsRegistrations = false;
    await clock.advance(60 * SECOND);
    expect({ reachable: worker.isReachable, problem: worker.problem }).toEqual({ reachable: true, problem: undefined });
    node.faults.busyForMs = 1;
    await clock.advance(INTERVAL_MS);
    expect({ reachable: worker.isReachable, working: worker.isWorking, code: worker.problem?.code }).toEqual({
      reachable: true,
      working: false,
      code: 'http_error',
    });
  });

  it('counts a node error when the node delays listings or verdicts', async () => {
    const { start, clock, node, outcomes, worker } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    const gate = Promise.withResolvers<void>();
    node.delays.listing = gate.promise;
    await clock.advance(INTERVAL_MS / 4);
    expect(worker.isReachable).toBe(true);
    await clock.advance(2 * INTERVAL_MS);
    expect(worker.isReachable).toBe(false);
    expect(outcomes.failures).toEqual([{ reason: 'node_error', count: 1 }]);
    node.delays.listing = undefined;
    gate.resolve();
    await clock.advance(INTERVAL_MS / 2);
    expect(outcomes.passes).toHaveLength(2);
    expect(worker.isReachable).toBe(true);
    node.faults.isSilent = true;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.failures.map(({ reason }) => reason)).toEqual(['node_error', 'node_error']);
  });

  it('stores verdicts that arrive at the same time in one transaction', async () => {
    const { start, clock, store, outcomes } = aFarmer({ contracts: 5 });
    start();
    await clock.advance(10 * SECOND);
    expect({ passes: outcomes.passes.length, batches: store.batches }).toEqual({ passes: 5, batches: 1 });
  });

  it('sends an answer again when the response was lost, and counts it once', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1 });
    node.faults.lostResponses = 2;
    start();
    await clock.advance(10 * SECOND);
    expect(node.answers).toHaveLength(3);
    expect(new Set(node.answers).size).toBe(1);
    expect(outcomes.passes).toHaveLength(1);
  });

  it('sends an answer twice before its deadline if its connection is stale', async () => {
    const { start, clock, node, chunks } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.gate = gate.promise;
    start();
    await clock.advance(INTERVAL_MS - SECOND / 2);
    gate.resolve();
    await clock.advance(0);
    expect(node.timeouts).toEqual([expect.any(Number)]);
    // The client of the node sends the request again after its timeout.
    expect(node.timeouts[0]).toBeLessThanOrEqual(SECOND / 4);
  });

  it('does not send an answer after the deadline, when it would count against the next challenge', async () => {
    const { start, clock, node, chunks, outcomes } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.gate = gate.promise;
    // The deadline is between two sweeps, so the round is not settled yet.
    node.intervalMs = INTERVAL_MS + 500;
    start();
    await clock.advance(INTERVAL_MS + 600);
    gate.resolve();
    await clock.advance(3 * SECOND);
    expect(node.answers).toEqual([`${makeId(1)}:1.1`]);
    expect(outcomes.failures).toEqual([{ reason: 'missed', count: 1 }]);
    expect(outcomes.passes).toHaveLength(1);
  });

  it('counts an answer that the node rejects once, and continues', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1 });
    node.faults.rejectsAnswers = true;
    start();
    await clock.advance(INTERVAL_MS / 2);
    expect(outcomes.failures).toEqual([{ reason: 'wrong_answer', count: 1 }]);
    node.faults.rejectsAnswers = false;
    await clock.advance(INTERVAL_MS);
    expect(outcomes.passes).toHaveLength(1);
  });

  it('rebuilds a corrupt chunk instead of answering from it, and passes in time', async () => {
    const { start, clock, node, chunks, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.corrupt.add(makeId(1));
    await clock.advance(INTERVAL_MS);
    expect(chunks.created).toHaveLength(2);
    expect(outcomes.failures).toEqual([]);
    expect(node.answers).toEqual([`${makeId(1)}:1.0`, `${makeId(1)}:1.1`]);
  });

  it('counts chunk_unreadable when a lost chunk is not rebuilt in time, and keeps trying', async () => {
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

  it('accepts no further contracts while the disk is full', async () => {
    const { start, clock, chunks, table } = aFarmer({ contracts: 50 });
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('disk_full', 'full'));
    start();
    await clock.advance(20 * SECOND);
    expect(table.size).toBeLessThanOrEqual(4);
    chunks.failures = [];
    await clock.advance(2 * INTERVAL_MS);
    expect(table.phases.waiting).toBe(50);
  });

  it('rejects and releases a contract whose chunk has the wrong hash, and slows down', async () => {
    const { start, clock, node, chunks, outcomes, store } = aFarmer({ contracts: 1 });
    chunks.failures = Array.from({ length: 10_000 }, () => new ChunkError('hash_mismatch', 'other'));
    start();
    await clock.advance(60 * SECOND);
    expect(outcomes.rejections.every((reason) => reason === 'hash_mismatch')).toBe(true);
    expect(outcomes.rejections.length).toBeGreaterThan(2);
    expect(outcomes.rejections.length).toBeLessThan(20);
    expect(node.released).toHaveLength(outcomes.rejections.length);
    expect(store.rows.size).toBe(0);
    expect(chunks.present.size).toBe(0);
  });

  it('misses no challenge while releases of rejected contracts hang', async () => {
    const { start, clock, node, chunks, outcomes } = aFarmer({ contracts: 20 });
    node.supply = 2;
    start();
    await clock.advance(SECOND);
    chunks.failures = Array.from({ length: 100 }, () => new ChunkError('hash_mismatch', 'other'));
    node.delays.release = new Promise(() => {});
    node.supply = 100;
    await clock.advance(5 * INTERVAL_MS);
    expect(outcomes.rejections.length).toBeGreaterThan(4);
    expect(outcomes.failures).toEqual([]);
  });

  it('rebuilds a chunk soon after the disk has space again, even after many failures', async () => {
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

  it('keeps a chunk that was rebuilt while an earlier read of it failed', async () => {
    const { start, clock, chunks, farmer, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    const gate = Promise.withResolvers<void>();
    let reads = 0;
    chunks.proofTime = async () => {
      reads += 1;
      if (reads > 1) return;
      await gate.promise;
      throw new ChunkError('unreadable', 'the disk went away');
    };
    await clock.advance(3 * SECOND);
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(SECOND);
    gate.resolve();
    await clock.advance(SECOND);
    expect({ created: chunks.created.length, passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({
      created: 2,
      passes: 2,
      failures: [],
    });
  });

  it('finishes answers in flight when it is stopped, and accepts nothing new', async () => {
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

  it('abandons unacknowledged answers three seconds after it is stopped', async () => {
    const { start, clock, node, farmer, faults } = aFarmer({ contracts: 1 });
    node.faults.isSilent = true;
    start();
    await clock.advance(SECOND);
    const stopped = farmer.stop();
    await clock.advance(3 * SECOND);
    await stopped;
    expect(node.answers).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  it('keeps working while its state cannot be written, and writes the current state later', async () => {
    const { start, clock, store, outcomes, table, log, faults } = aFarmer({ contracts: 2, scrubCycleMs: 10 * SECOND });
    start();
    await clock.advance(SECOND);
    store.full = true;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.passes).toHaveLength(6);
    expect(log.messages('error')).toContain('state write failed');
    expect(log.messages('warn')).toContain('scrub progress write failed');
    expect({ faults, isWritten: table.isWritten }).toEqual({ faults: [], isWritten: false });
    store.full = false;
    await clock.advance(INTERVAL_MS);
    expect(table.isWritten).toBe(true);
    expect(store.tally().passed).toBe(outcomes.passes.length);
    expect(store.rows.get(makeId(1))?.round).toEqual(table.get(makeId(1))?.round);
  });

  it('does not accept a contract that it cannot store, and releases it', async () => {
    const { start, clock, store, node, table } = aFarmer({ contracts: 1 });
    store.saveToken(await node.register());
    store.full = true;
    start();
    await clock.advance(10 * SECOND);
    expect(table.size).toBe(0);
    expect(node.released).toEqual([makeId(1)]);
  });

  it('does not use a token that it cannot store, since the contracts would be lost with it', async () => {
    const { start, clock, store, node, table, faults } = aFarmer({ contracts: 1 });
    store.full = true;
    start();
    await clock.advance(30 * SECOND);
    expect({ contracts: table.size, nodeContracts: node.contracts.size }).toEqual({ contracts: 0, nodeContracts: 0 });
    store.full = false;
    await clock.advance(60 * SECOND);
    expect({ token: store.saved, contracts: table.size }).toEqual({ token: node.token, contracts: 1 });
    expect(faults).toEqual([]);
  });

  it('reports an unexpected error instead of continuing', async () => {
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

  it('accepts no contracts while the disks are full, and continues when they have space', async () => {
    const { start, clock, freeSpace, table, outcomes } = aFarmer({ contracts: 5 });
    freeSpace.bytes = 2;
    start();
    await clock.advance(10 * SECOND);
    freeSpace.bytes = 0;
    const held = table.size;
    expect(held).toBeGreaterThan(0);
    await clock.advance(INTERVAL_MS);
    expect(table.size).toBe(held);
    expect(outcomes.failures).toEqual([]);
    freeSpace.bytes = 10;
    await clock.advance(INTERVAL_MS);
    expect(table.size).toBe(5);
  });

  it('accepts no more contracts than it can prove in time, as measured', async () => {
    const { start, clock, chunks, table, farmer, outcomes, node } = aFarmer({ contracts: 100 });
    node.intervalMs = 10 * SECOND;
    const proofMs = 1_000;
    chunks.proofTime = async () => await clock.sleep(proofMs);
    start();
    await clock.advance(5 * INTERVAL_MS);
    // Two workers have nine of ten seconds, minus a proof and an answer: fifteen contracts, of which 70 % are accepted.
    expect(farmer.capacityEstimate).toBe(15);
    expect(table.size).toBe(10);
    expect(outcomes.failures).toEqual([]);
  });

  it('does not start a proof that cannot finish in time, and reports that no worker was free', async () => {
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
    expect({ read, passes: outcomes.passes.length }).toEqual({ read: 1, passes: 1 });
    const gate = Promise.withResolvers<void>();
    node.delays.listing = gate.promise;
    await clock.advance(roundMs - 15 * SECOND);
    node.delays.listing = undefined;
    gate.resolve();
    await clock.advance(15 * SECOND);
    expect(read).toBe(1);
    await clock.advance(2 * SECOND);
    expect(store.entries.at(-1)).toMatchObject({ outcome: 'missed', cause: 'no_worker', round: 1 });
    await clock.advance(50 * SECOND);
    expect({ read, passes: outcomes.passes.length }).toEqual({ read: 2, passes: 2 });
  });

  it('tries a proof with a tenth of the round left, even if other proofs are slow', async () => {
    const { start, clock, chunks, outcomes, farmer } = aFarmer({ contracts: 1 });
    farmer.throughput.recordProof(10 * INTERVAL_MS);
    chunks.proofTime = async () => await clock.sleep(SECOND);
    start();
    await clock.advance(3 * INTERVAL_MS - SECOND);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({ passes: 3, failures: [] });
  });

  it('writes a journal entry with the timeline of each challenge', async () => {
    const { start, clock, store, node } = aFarmer({ contracts: 1 });
    node.faults.lostResponses = 1;
    start();
    await clock.advance(10 * SECOND);
    const [entry] = store.entries;
    expect(entry).toMatchObject({ contract: makeId(1), round: 0, outcome: 'passed', attempts: 2 });
    const { receivedAt = 0, queuedAt = 0, readAt = 0, hashedAt = 0, sentAt = 0, acknowledgedAt = 0 } = entry ?? {};
    const times = [receivedAt, queuedAt, readAt, hashedAt, sentAt, acknowledgedAt];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(receivedAt).toBeGreaterThan(0);
  });

  it('misses no challenge of an intact chunk while many others are rebuilt', async () => {
    const { start, clock, node, chunks, farmer, store, table } = aFarmer({ contracts: 40 });
    node.supply = 30;
    start();
    await clock.advance(SECOND);
    Object.assign(node, { supply: 40, intervalMs: 2 * INTERVAL_MS });
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    expect(table.phases.waiting).toBe(40);
    chunks.createTime = async () => await clock.sleep(30 * SECOND);
    const lost = Array.from({ length: 30 }, (_, n) => makeId(n + 1));
    for (const id of lost) chunks.present.delete(id);
    farmer.contracts.chunksLost(lost);
    await clock.advance(5 * INTERVAL_MS);
    const intact = store.entries.filter(({ contract }) => !lost.includes(contract));
    expect(intact.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
    expect(intact.length).toBeGreaterThanOrEqual(3 * 10);
    expect(chunks.created.length).toBeGreaterThan(50);
  });

  it('counts a rebuilt chunk', async () => {
    const { start, clock, chunks, outcomes, farmer, table } = aFarmer({ contracts: 2 });
    start();
    await clock.advance(SECOND);
    expect(outcomes.rebuilds).toBe(0);
    chunks.corrupt.add(makeId(1));
    await clock.advance(INTERVAL_MS);
    expect(outcomes.rebuilds).toBe(1);
    chunks.present.delete(makeId(2));
    farmer.contracts.chunksLost([makeId(2)]);
    await clock.advance(SECOND);
    expect(outcomes.rebuilds).toBe(2);
    expect(table.repairs).toEqual({ lost: 2, rebuilt: 2, rebuilding: 0 });
    expect(chunks.present.has(makeId(2))).toBe(true);
  });

  it('counts the chunks that are missing at the start as lost', async () => {
    const first = aFarmer({ contracts: 3 });
    first.start();
    await first.clock.advance(SECOND);
    await first.farmer.stop();
    expect(first.table.repairs).toEqual({ lost: 0, rebuilt: 0, rebuilding: 0 });
    first.chunks.present.delete(makeId(2));
    const second = aFarmer(first);
    second.start();
    expect(second.table.repairs).toEqual({ lost: 1, rebuilt: 0, rebuilding: 1 });
    await second.clock.advance(SECOND);
    expect(second.table.repairs).toEqual({ lost: 1, rebuilt: 1, rebuilding: 0 });
  });

  it('uses a chunk that is found before it could be rebuilt', async () => {
    const { start, clock, chunks, farmer, table } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('no_space', 'none'));
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(10 * SECOND);
    expect(table.phases.generating).toBe(1);
    expect(table.repairs).toEqual({ lost: 1, rebuilt: 0, rebuilding: 1 });
    farmer.contracts.chunksFound([makeId(1)]);
    expect(table.phases.generating).toBe(0);
    expect(table.repairs).toEqual({ lost: 1, rebuilt: 0, rebuilding: 0 });
  });

  it('counts the challenges that fell due while the process was suspended as missed', async () => {
    const { start, clock, node, chunks, store, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    await clock.jump(3 * INTERVAL_MS);
    await clock.advance(5 * SECOND);
    expect(log.messages('warn')).toContain('process was suspended');
    expect(store.entries.at(-2)).toMatchObject({ outcome: 'missed', cause: 'farmer_stopped', count: 2 });
    expect(store.entries.at(-1)).toMatchObject({ outcome: 'passed' });
    expect({ registrations: node.registrations, created: chunks.created.length }).toEqual({
      registrations: 1,
      created: 1,
    });
  });

  it('counts a challenge as not_challenged if the node responded but never listed it', async () => {
    const { start, clock, node, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    node.faults.hidesChallenges = true;
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.failures).toEqual([{ reason: 'not_challenged', count: 1 }]);
  });

  it('respects Retry-After, but never past the next deadline', async () => {
    const { start, clock, node, outcomes, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    node.faults.busyForMs = 10 * SECOND;
    const before = node.calls;
    await clock.advance(9 * SECOND);
    expect(node.calls - before).toBeLessThan(4);
    node.faults.busyForMs = 3_600 * SECOND;
    await clock.advance(20 * SECOND);
    node.faults.busyForMs = undefined;
    await clock.advance(40 * SECOND);
    expect(outcomes.failures).toEqual([]);
    expect(outcomes.passes).toHaveLength(3);
    expect(log.messages('error')).toEqual([]);
  });

  it('holds answers while the circuit breaker is open, and sends them when it closes', async () => {
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
