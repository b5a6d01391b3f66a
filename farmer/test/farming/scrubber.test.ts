import { FakeClock, FakeLogger, settle } from '@downstream/platform/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ContractTable } from '../../src/farming/contract-table.ts';
import { ContractTables } from '../../src/farming/contract-tables.ts';
import { ChunkError } from '../../src/farming/errors.ts';
import type { ScrubResult } from '../../src/farming/ports.ts';
import { Scrubber } from '../../src/farming/scrubber.ts';
import { WorkQueue } from '../../src/farming/work-queue.ts';
import { makeId, terms } from '../fakes/builders.ts';
import { FakeChunks, FakeOutcomes, MemoryStore } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

const stopping = new Set<AbortController>();
afterEach(() => {
  for (const controller of stopping) controller.abort();
  stopping.clear();
});

interface Previous {
  clock?: FakeClock;
  chunks?: FakeChunks;
  store?: MemoryStore;
}

/** Contracts with intact chunks, and a running scrubber. */
function aScrubber(contracts: number, cycleMs?: number, previous: Previous = {}) {
  const { clock = new FakeClock(), chunks = new FakeChunks(), store = new MemoryStore() } = previous;
  const outcomes = new FakeOutcomes();
  const log = new FakeLogger();
  const table = ContractTable.load({ chunkBytes: 1 }, { store, outcomes, clock, log });
  table.start(
    () => {},
    (id) => chunks.present.has(id),
  );
  for (let n = table.size + 1; n <= contracts; n++) {
    const id = makeId(n);
    table.add([{ terms: terms({ id, acceptedAt: clock.now(), intervalMs: 1000 * HOUR }), challenge: '0.1' }]);
    chunks.present.add(id);
    table.apply(id, { type: 'chunk_stored' });
  }
  const chunkWork = new WorkQueue({ concurrency: 1, slowAfterMs: SECOND }, clock);
  const scrubs: Record<ScrubResult, number> = { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 };
  const onResult = (result: ScrubResult) => void scrubs[result]++;
  const scrubber = new Scrubber(
    { cycleMs },
    { chunks, contracts: new ContractTables([table]), chunkWork, store, onResult, clock, log },
  );
  const controller = new AbortController();
  stopping.add(controller);
  const ended = scrubber.run(controller.signal).catch(() => {});
  const stop = async () => {
    controller.abort();
    await ended;
  };
  return { clock, chunks, store, table, scrubs, scrubber, chunkWork, log, stop };
}

const ALL = [1, 2, 3, 4].map(makeId);

describe('Scrubber', () => {
  it('reads every chunk once per cycle, at even intervals', async () => {
    const { clock, chunks, scrubs, scrubber } = aScrubber(4, 4 * HOUR);
    const startedAt = clock.now();
    await clock.advance(2 * HOUR);
    expect(chunks.verified).toEqual(ALL.slice(0, 2));
    await clock.advance(2 * HOUR);
    expect(chunks.verified).toEqual(ALL);
    expect(scrubber.completedAt).toBe(startedAt + 4 * HOUR);
    await clock.advance(8 * HOUR);
    expect(scrubs).toMatchObject({ ok: 12, corrupt: 0, unreadable: 0 });
  });

  it('does not read a chunk that a proof has read since the cycle started', async () => {
    const { clock, chunks, scrubs, table } = aScrubber(2, HOUR);
    await clock.advance(SECOND);
    table.apply(makeId(1), { type: 'reading', challenge: '0.1' });
    table.apply(makeId(1), { type: 'proved', challenge: '0.1', response: 'r' });
    await clock.advance(HOUR);
    expect(chunks.verified).toEqual([makeId(2)]);
    expect(scrubs).toMatchObject({ ok: 1, proved: 1 });
  });

  it('reads a chunk that was found on a disk that works again', async () => {
    const { clock, chunks, table } = aScrubber(1, HOUR);
    table.apply(makeId(1), { type: 'chunk_lost' });
    table.apply(makeId(1), { type: 'chunk_found' });
    await clock.advance(HOUR);
    expect(chunks.verified).toEqual([makeId(1)]);
  });

  it.each<[string, ScrubResult]>([
    ['is corrupt', 'corrupt'],
    ['is missing', 'unreadable'],
  ])('reports a chunk that %s as lost, so that it is rebuilt', async (_, result) => {
    const { clock, chunks, scrubs, table } = aScrubber(2, HOUR);
    if (result === 'corrupt') chunks.corrupt.add(makeId(1));
    else chunks.present.delete(makeId(1));
    await clock.advance(HOUR);
    expect(scrubs).toMatchObject({ [result]: 1, ok: 1 });
    expect(table.get(makeId(1))).toMatchObject({ phase: 'generating', hadChunk: true });
  });

  it('reports no result after resource exhaustion', async () => {
    const { clock, chunks, scrubs, table, log } = aScrubber(1, HOUR);
    chunks.proofTime = async () => await Promise.reject(new ChunkError('exhausted', 'no more', { cause: 'EMFILE' }));
    await clock.advance(HOUR);
    expect(table.get(makeId(1))?.phase).toBe('proving');
    expect(Object.values(scrubs)).toEqual([0, 0, 0, 0, 0]);
    expect({ verified: chunks.verified, errors: log.messages('error') }).toEqual({ verified: [makeId(1)], errors: [] });
  });

  it('reports no result for a chunk that was rebuilt during the read', async () => {
    const { clock, chunks, scrubs, table } = aScrubber(1, HOUR);
    const gate = Promise.withResolvers<void>();
    chunks.proofTime = async () => {
      await gate.promise;
      chunks.corrupt.add(makeId(1));
    };
    await clock.advance(HOUR);
    table.apply(makeId(1), { type: 'chunk_lost' });
    await clock.advance(SECOND);
    table.apply(makeId(1), { type: 'chunk_stored' });
    gate.resolve();
    await clock.advance(SECOND);
    expect(table.get(makeId(1))?.phase).not.toBe('generating');
    expect(scrubs).toMatchObject({ corrupt: 0 });
  });

  it('skips a chunk that is being generated', async () => {
    const { clock, chunks, table } = aScrubber(2, HOUR);
    table.apply(makeId(1), { type: 'chunk_lost' });
    await clock.advance(HOUR);
    expect(chunks.verified).toEqual([makeId(2)]);
  });

  it('waits while jobs with a deadline wait for a worker', async () => {
    const { clock, chunks, chunkWork } = aScrubber(1, HOUR);
    const gate = Promise.withResolvers<void>();
    chunkWork.add(0, async () => await gate.promise);
    chunkWork.add(0, async () => {});
    await clock.advance(2 * HOUR);
    expect(chunks.verified).toEqual([]);
    gate.resolve();
    await clock.advance(2 * SECOND);
    expect(chunks.verified).toEqual([makeId(1)]);
  });

  it('reads for at most half of the time, even if the cycle is late', async () => {
    const { clock, chunks } = aScrubber(4, SECOND);
    chunks.proofTime = async () => await clock.sleep(10 * SECOND);
    await clock.advance(80 * SECOND);
    expect(chunks.verified.length).toBeLessThanOrEqual(5);
  });

  it('starts a requested scrub right after the current read', async () => {
    const { clock, chunks, scrubber } = aScrubber(4, 4 * HOUR);
    chunks.proofTime = async () => await clock.sleep(10 * SECOND);
    await clock.advance(HOUR + 5 * SECOND);
    expect(chunks.verified).toEqual([makeId(1)]);
    scrubber.start();
    await clock.advance(50 * SECOND);
    expect(scrubber.progress).toMatchObject({ running: false, done: 4 });
  });

  it('resumes its cycle after a restart', async () => {
    const first = aScrubber(4, 4 * HOUR);
    await first.clock.advance(2.5 * HOUR);
    await first.stop();
    const { clock, chunks } = aScrubber(4, 4 * HOUR, first);
    await clock.advance(1.5 * HOUR);
    expect(chunks.verified).toEqual(ALL);
  });

  it('reads every chunk at once on request, and reports its progress', async () => {
    const { clock, chunks, scrubber, table } = aScrubber(3);
    expect(scrubber.progress).toMatchObject({ running: false, done: 0, total: 0 });
    chunks.corrupt.add(makeId(2));
    expect(scrubber.start()).toMatchObject({ running: true, total: 3 });
    expect(scrubber.start()).toBe(scrubber.progress);
    await settle();
    const { progress } = scrubber;
    expect(progress).toMatchObject({ running: false, done: 3, results: { ok: 2, corrupt: 1, proved: 0 } });
    expect({ completedAt: scrubber.completedAt, finishedAt: progress.finishedAt }).toEqual({
      completedAt: clock.now(),
      finishedAt: clock.now(),
    });
    expect(table.get(makeId(2))?.phase).toBe('generating');
  });

  it('also reads proved chunks on request, during a cycle', async () => {
    const { clock, scrubs, scrubber, table } = aScrubber(3, 100 * HOUR);
    await clock.advance(HOUR);
    table.apply(makeId(1), { type: 'chunk_verified' });
    scrubber.start();
    await settle();
    expect(scrubber.progress).toMatchObject({ running: false, done: 3 });
    expect(scrubs).toMatchObject({ ok: 3, proved: 0 });
  });

  it('runs only on request if it is disabled', async () => {
    const { clock, chunks, scrubber } = aScrubber(2);
    await clock.advance(100 * HOUR);
    expect(chunks.verified).toEqual([]);
    scrubber.start();
    await settle();
    expect(chunks.verified).toHaveLength(2);
  });
});
