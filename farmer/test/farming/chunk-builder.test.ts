import { describe, expect, it } from '@jest/globals';
import { ChunkError } from '../../src/farming/errors.ts';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

describe('ChunkBuilder', () => {
  it('retries a failed chunk in one sequence with growing pauses, however many challenges arrive', async () => {
    const { start, clock, chunks, log } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    chunks.present.clear();
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('no_space', 'none'));
    await clock.advance(6 * INTERVAL_MS);
    const attempts = log.lines
      .filter(({ message }) => message === 'chunk creation failed')
      .map(({ fields }) => fields['attempt']);
    // The first attempt succeeded when the contract was accepted.
    const failed = chunks.attempts - 1;
    expect(failed).toBeGreaterThan(16);
    // Each attempt is logged at most once, so there is a single sequence.
    expect(attempts).toEqual([1, 2, 4, 8, 16, 32, 64, 128].filter((attempt) => attempt <= failed));
  });

  it('limits the rate of retries, however many chunks fail', async () => {
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

  it('keeps a chunk that was found on its disk while it was being rebuilt elsewhere', async () => {
    const { start, clock, chunks, farmer, outcomes } = aFarmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    const building = Promise.withResolvers<void>();
    chunks.createTime = async () => await building.promise;
    farmer.contracts.chunksLost([makeId(1)]);
    await clock.advance(SECOND);
    farmer.contracts.chunksFound([makeId(1)]);
    building.reject(new ChunkError('disk_full', 'full'));
    chunks.failures = Array.from({ length: 1000 }, () => new ChunkError('no_space', 'none'));
    await clock.advance(3 * INTERVAL_MS);
    expect({ failures: outcomes.failures, passes: outcomes.passes.length }).toEqual({ failures: [], passes: 4 });
  });

  it('deletes a chunk whose contract ended while it was created, and logs if that fails', async () => {
    const { start, clock, node, chunks, table, log, faults } = aFarmer({ contracts: 1 });
    const gate = Promise.withResolvers<void>();
    chunks.createTime = async () => await gate.promise;
    start();
    await clock.advance(SECOND);
    node.supply = 0;
    node.contracts.clear();
    await clock.advance(2 * INTERVAL_MS);
    expect({ contracts: table.size, created: chunks.created }).toEqual({ contracts: 0, created: [makeId(1)] });
    chunks.failsDeletions = true;
    gate.resolve();
    await clock.advance(SECOND);
    expect({ errors: log.messages('error'), faults }).toEqual({ errors: ['chunk deletion failed'], faults: [] });
  });

  it('orders waiting chunks by their current deadlines, not by those that have passed', async () => {
    const { start, clock, node, chunks, farmer } = aFarmer({ contracts: 6 });
    node.supply = 5;
    start();
    await clock.advance(SECOND);
    Object.assign(node, { supply: 6, intervalMs: INTERVAL_MS - 10 * SECOND });
    await clock.advance(INTERVAL_MS / 2);
    const gate = Promise.withResolvers<void>();
    chunks.createTime = async () => await gate.promise;
    for (const n of [1, 2, 3, 5, 6]) chunks.present.delete(makeId(n));
    // Three are built at once, including slow ones. The next one waits beyond its deadline.
    farmer.contracts.chunksLost([1, 2, 3].map(makeId));
    await clock.advance(5 * SECOND);
    farmer.contracts.chunksLost([makeId(5)]);
    await clock.advance(INTERVAL_MS + 30 * SECOND);
    farmer.contracts.chunksLost([makeId(6)]);
    gate.resolve();
    await clock.advance(SECOND);
    expect(chunks.created.slice(9)).toEqual([6, 5].map(makeId));
  });

  it('delays a download by at most a minute if others hang', async () => {
    const { start, clock, node, chunks, farmer, table } = aFarmer({ contracts: 6 });
    node.kind = 'url';
    start();
    await clock.advance(20 * SECOND);
    expect(table.phases.waiting).toBe(6);
    let hanging = 4;
    chunks.createTime = async () => {
      hanging -= 1;
      if (hanging >= 0) await new Promise(() => {});
    };
    farmer.contracts.chunksLost([1, 2, 3, 4, 5, 6].map(makeId));
    await clock.advance(55 * SECOND);
    expect(table.phases.generating).toBe(6);
    await clock.advance(10 * SECOND);
    expect(table.phases.generating).toBe(4);
  });

  const wrongChunk = () => new ChunkError('hash_mismatch', 'wrong');

  it('rejects a contract only after three wrong downloads in a row', async () => {
    const { start, clock, node, chunks, outcomes, table } = aFarmer({ contracts: 1 });
    node.kind = 'url';
    chunks.failures = [
      wrongChunk(),
      wrongChunk(),
      new ChunkError('download_failed', 'broke off'),
      wrongChunk(),
      wrongChunk(),
    ];
    start();
    await clock.advance(INTERVAL_MS);
    expect({ waiting: table.phases.waiting, rejections: outcomes.rejections }).toEqual({ waiting: 1, rejections: [] });
    chunks.failures = [wrongChunk(), wrongChunk(), wrongChunk()];
    node.supply = 1;
    node.contracts.clear();
    await clock.advance(3 * INTERVAL_MS);
    expect(outcomes.rejections).toEqual(['hash_mismatch']);
  });

  it.each(['url', 'secret'] as const)(
    'never rejects a contract with a %s whose chunk was once intact',
    async (kind) => {
      const { start, clock, node, chunks, farmer, outcomes, table } = aFarmer({ contracts: 1 });
      node.kind = kind;
      start();
      await clock.advance(SECOND);
      chunks.failures = Array.from({ length: 10 }, wrongChunk);
      chunks.present.clear();
      farmer.contracts.chunksLost([makeId(1)]);
      await clock.advance(10 * INTERVAL_MS);
      expect({ waiting: table.phases.waiting, rejections: outcomes.rejections, rebuilds: outcomes.rebuilds }).toEqual({
        waiting: 1,
        rejections: [],
        rebuilds: 1,
      });
    },
  );

  it('does not reject a contract whose chunk was intact before a restart', async () => {
    const first = aFarmer({ contracts: 1 });
    first.start();
    await first.clock.advance(SECOND);
    first.chunks.failures = Array.from({ length: 1_000 }, wrongChunk);
    first.chunks.present.clear();
    first.farmer.contracts.chunksLost([makeId(1)]);
    await first.clock.advance(3 * INTERVAL_MS);
    await first.farmer.stop();
    const second = aFarmer(first);
    second.start();
    await second.clock.advance(INTERVAL_MS);
    expect({ ids: second.table.ids(), rejections: second.outcomes.rejections }).toEqual({
      ids: [makeId(1)],
      rejections: [],
    });
  });
});
