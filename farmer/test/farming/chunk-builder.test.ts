import { describe, expect, it } from '@jest/globals';
import { ChunkError } from '../../src/farming/errors.ts';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

describe('a chunk that can not be made', () => {
  it('is tried again in one chain of growing pauses, however many challenges come meanwhile', async () => {
    const { start, clock, chunks, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.present.clear();
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('no_space', 'none'));
    await clock.advance(6 * INTERVAL_MS);
    const told = log.lines
      .filter(({ message }) => message === 'chunk creation failed')
      .map(({ fields }) => fields['attempt']);
    // The first one made it, when the contract was taken.
    const inVain = chunks.attempts - 1;
    expect(inVain).toBeGreaterThan(16);
    // Less and less often, and each number once: there is one chain.
    expect(told).toEqual([1, 2, 4, 8, 16, 32, 64, 128].filter((attempt) => attempt <= inVain));
  });

  it('is tried so often that all of them together, however many, leave time for everything else', async () => {
    const { start, clock, node, chunks, farmer } = aFarmer({ contracts: 100, pollIntervalMs: 'default' });
    node.intervalMs = 10 * SECOND;
    start();
    await clock.advance(20 * SECOND);
    chunks.present.clear();
    chunks.failures = Array.from({ length: 100_000 }, () => new ChunkError('no_space', 'none'));
    farmer.contracts.chunksLost(Array.from({ length: 100 }, (_, at) => makeId(at + 1)));
    await clock.advance(15 * SECOND);
    const before = chunks.attempts;
    await clock.advance(15 * SECOND);
    expect((chunks.attempts - before) / 15).toBeLessThan(60);
  });

  it('is not given up when it came back with its disk while it was made elsewhere', async () => {
    const { start, clock, chunks, farmer, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    const making = Promise.withResolvers<void>();
    chunks.makeTime = async () => await making.promise;
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(SECOND);
    farmer.contracts.chunksFound([makeId(1)]);
    making.reject(new ChunkError('disk_full', 'full'));
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('no_space', 'none'));
    await clock.advance(3 * INTERVAL_MS);
    expect([outcomes.failures, outcomes.passes.length]).toEqual([[], 4]);
  });
});

describe('chunks to be made', () => {
  it('go when their contract ended meanwhile; where they can not be deleted that is logged', async () => {
    const { start, clock, node, chunks, table, log, faults } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.makeTime = async () => await gate.promise;
    start();
    await clock.advance(SECOND);
    node.supply = 0;
    node.contracts.clear();
    await clock.advance(2 * INTERVAL_MS);
    expect([table.size, chunks.created]).toEqual([0, [makeId(1)]]);
    chunks.keepsAll = true;
    gate.resolve();
    await clock.advance(SECOND);
    expect([log.messages('error'), faults]).toEqual([['chunk deletion failed'], []]);
  });

  it('come by the deadlines that they have now, not by those that went by while they waited', async () => {
    const { start, clock, node, chunks, farmer } = aFarmer({ contracts: 6 });
    node.supply = 5;
    start();
    await clock.advance(SECOND);
    Object.assign(node, { supply: 6, intervalMs: INTERVAL_MS - 10 * SECOND });
    await clock.advance(INTERVAL_MS / 2);
    const gate = Promise.withResolvers<void>();
    chunks.makeTime = async () => await gate.promise;
    for (const n of [1, 2, 3, 5, 6]) chunks.present.delete(makeId(n));
    // Three are all that are made at once, slow ones included; the next one waits while its round goes by.
    farmer.contracts.chunksLost([1, 2, 3].map(makeId));
    await clock.advance(5 * SECOND);
    farmer.contracts.chunksLost([makeId(5)]);
    await clock.advance(INTERVAL_MS + 30 * SECOND);
    farmer.contracts.chunksLost([makeId(6)]);
    gate.resolve();
    await clock.advance(SECOND);
    expect(chunks.created.slice(9)).toEqual([6, 5].map(makeId));
  });
});

describe('a chunk that is downloaded', () => {
  it('waits a minute at most for others whose downloads hang', async () => {
    const { start, clock, node, chunks, farmer, table } = aFarmer({ contracts: 6 });
    node.kind = 'url';
    start();
    await clock.advance(20 * SECOND);
    expect(table.phases.waiting).toBe(6);
    let hanging = 4;
    chunks.makeTime = async () => {
      hanging -= 1;
      if (hanging >= 0) await new Promise(() => {});
    };
    farmer.contracts.chunksLost([1, 2, 3, 4, 5, 6].map(makeId));
    await clock.advance(55 * SECOND);
    expect(table.phases.generating).toBe(6);
    await clock.advance(10 * SECOND);
    expect(table.phases.generating).toBe(4);
  });

  const other = () => new ChunkError('hash_mismatch', 'other');

  it('may be another one for a moment: the contract is refused only after three in a row', async () => {
    const { start, clock, node, chunks, outcomes, table } = aFarmer({ contracts: 1 });
    node.kind = 'url';
    chunks.failures = [other(), other(), new ChunkError('download_failed', 'broke off'), other(), other()];
    start();
    await clock.advance(INTERVAL_MS);
    expect([table.phases.waiting, outcomes.refusals]).toEqual([1, []]);
    chunks.failures = [other(), other(), other()];
    node.supply = 1;
    node.contracts.clear();
    await clock.advance(3 * INTERVAL_MS);
    expect(outcomes.refusals).toEqual(['hash_mismatch']);
  });

  it.each(['url', 'secret'] as const)('that was sound once is never refused for it: %s', async (kind) => {
    const { start, clock, node, chunks, farmer, outcomes, table } = aFarmer({ contracts: 1 });
    node.kind = kind;
    start();
    await clock.advance(SECOND);
    chunks.failures = Array.from({ length: 10 }, other);
    chunks.present.clear();
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(10 * INTERVAL_MS);
    expect([table.phases.waiting, outcomes.refusals, outcomes.repairs]).toEqual([1, [], 1]);
  });

  it('that was sound once is not refused after a restart either', async () => {
    const first = aFarmer({ contracts: 1 });
    first.start();
    await first.clock.advance(SECOND);
    first.chunks.failures = Array.from({ length: 1_000 }, other);
    first.chunks.present.clear();
    first.farmer.contracts.chunksLost([makeId(1)]);
    await first.clock.advance(3 * INTERVAL_MS);
    await first.farmer.stop();
    const second = aFarmer(first);
    second.start();
    await second.clock.advance(INTERVAL_MS);
    expect([second.table.ids(), second.outcomes.refusals]).toEqual([[makeId(1)], []]);
  });
});
