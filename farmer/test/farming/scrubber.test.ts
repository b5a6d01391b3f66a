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

interface Kept {
  clock?: FakeClock;
  chunks?: FakeChunks;
  store?: MemoryStore;
}

/** Contracts whose chunks are there, and a scrubber that runs; nothing else goes on. */
function aScrubber(contracts: number, cycleMs?: number, kept: Kept = {}) {
  const { clock = new FakeClock(), chunks = new FakeChunks(), store = new MemoryStore() } = kept;
  const outcomes = new FakeOutcomes();
  const log = new FakeLogger();
  const table = ContractTable.load({ capacityContracts: contracts, chunkBytes: 1 }, { store, outcomes, clock, log });
  table.start(
    () => {},
    (id) => chunks.present.has(id),
  );
  for (let n = table.size + 1; n <= contracts; n++) {
    const id = makeId(n);
    table.add(terms({ id, acceptedAt: clock.now(), intervalMs: 1000 * HOUR }), '0.1');
    chunks.present.add(id);
    table.apply(id, { type: 'chunk_stored' });
  }
  const chunkWork = new WorkQueue({ concurrency: 1, slowAfterMs: SECOND, maxSlow: 0 }, () => clock.now());
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

describe('the scrub', () => {
  it('reads every chunk in its time, evenly, round after round', async () => {
    const { clock, chunks, scrubs, scrubber } = aScrubber(4, 4 * HOUR);
    const begun = clock.now();
    await clock.advance(2 * HOUR);
    expect(chunks.verified).toEqual(ALL.slice(0, 2));
    await clock.advance(2 * HOUR);
    expect(chunks.verified).toEqual(ALL);
    expect(scrubber.completedAt).toBe(begun + 4 * HOUR);
    await clock.advance(8 * HOUR);
    expect(scrubs).toMatchObject({ ok: 12, corrupt: 0, unreadable: 0 });
  });

  it('does not read again what a proof has read whole since the round began', async () => {
    const { clock, chunks, scrubs, table } = aScrubber(2, HOUR);
    await clock.advance(SECOND);
    table.apply(makeId(1), { type: 'reading', challenge: '0.1' });
    table.apply(makeId(1), { type: 'proved', challenge: '0.1', response: 'r' });
    await clock.advance(HOUR);
    expect(chunks.verified).toEqual([makeId(2)]);
    expect(scrubs).toMatchObject({ ok: 1, proved: 1 });
  });

  it('reads what came back with its disk: nobody knows what became of it there', async () => {
    const { clock, chunks, table } = aScrubber(1, HOUR);
    table.apply(makeId(1), { type: 'chunk_lost' });
    table.apply(makeId(1), { type: 'chunk_found' });
    await clock.advance(HOUR);
    expect(chunks.verified).toEqual([makeId(1)]);
  });

  it.each<[string, ScrubResult]>([
    ['has rotted', 'corrupt'],
    ['is gone', 'unreadable'],
  ])('finds a chunk that %s, and has it made again', async (_, result) => {
    const { clock, chunks, scrubs, table } = aScrubber(2, HOUR);
    if (result === 'corrupt') chunks.corrupt.add(makeId(1));
    else chunks.present.delete(makeId(1));
    await clock.advance(HOUR);
    expect(scrubs).toMatchObject({ [result]: 1, ok: 1 });
    expect(table.get(makeId(1))).toMatchObject({ phase: 'generating', hadChunk: true });
  });

  it('says nothing of a chunk that this process had no file handle or memory to read', async () => {
    const { clock, chunks, scrubs, table, log } = aScrubber(1, HOUR);
    chunks.proofTime = async () => await Promise.reject(new ChunkError('exhausted', 'no more', { cause: 'EMFILE' }));
    await clock.advance(HOUR);
    expect(table.get(makeId(1))?.phase).toBe('proving');
    expect(Object.values(scrubs)).toEqual([0, 0, 0, 0, 0]);
    expect([chunks.verified, log.messages('error')]).toEqual([[makeId(1)], []]);
  });

  it('does not call a chunk bad that was made again while it was read', async () => {
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

  it('leaves a chunk alone that is being made', async () => {
    const { clock, chunks, table } = aScrubber(2, HOUR);
    table.apply(makeId(1), { type: 'chunk_lost' });
    await clock.advance(HOUR);
    expect(chunks.verified).toEqual([makeId(2)]);
  });

  it('waits while work with a deadline waits for a worker', async () => {
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

  it('takes no more than half of the time, however far it is behind', async () => {
    const { clock, chunks } = aScrubber(4, SECOND);
    chunks.proofTime = async () => await clock.sleep(10 * SECOND);
    await clock.advance(80 * SECOND);
    expect(chunks.verified.length).toBeLessThanOrEqual(5);
  });

  it('begins at once when somebody asks for it while a chunk is read', async () => {
    const { clock, chunks, scrubber } = aScrubber(4, 4 * HOUR);
    chunks.proofTime = async () => await clock.sleep(10 * SECOND);
    await clock.advance(HOUR + 5 * SECOND);
    expect(chunks.verified).toEqual([makeId(1)]);
    scrubber.start();
    await clock.advance(50 * SECOND);
    expect(scrubber.progress).toMatchObject({ running: false, done: 4 });
  });

  it('goes on where it was after a restart', async () => {
    const first = aScrubber(4, 4 * HOUR);
    await first.clock.advance(2.5 * HOUR);
    await first.stop();
    const { clock, chunks } = aScrubber(4, 4 * HOUR, first);
    await clock.advance(1.5 * HOUR);
    expect(chunks.verified).toEqual(ALL);
  });

  it('that somebody asks for reads everything at once, and says how far it is', async () => {
    const { clock, chunks, scrubber, table } = aScrubber(3);
    expect(scrubber.progress).toMatchObject({ running: false, done: 0, total: 0 });
    chunks.corrupt.add(makeId(2));
    expect(scrubber.start()).toMatchObject({ running: true, total: 3 });
    expect(scrubber.start()).toBe(scrubber.progress);
    await settle();
    const { progress } = scrubber;
    expect(progress).toMatchObject({ running: false, done: 3, results: { ok: 2, corrupt: 1, proved: 0 } });
    expect([scrubber.completedAt, progress.finishedAt]).toEqual([clock.now(), clock.now()]);
    expect(table.get(makeId(2))?.phase).toBe('generating');
  });

  it('that somebody asks for comes in between, and reads what was proved too', async () => {
    const { clock, scrubs, scrubber, table } = aScrubber(3, 100 * HOUR);
    await clock.advance(HOUR);
    table.apply(makeId(1), { type: 'chunk_verified' });
    scrubber.start();
    await settle();
    expect(scrubber.progress).toMatchObject({ running: false, done: 3 });
    expect(scrubs).toMatchObject({ ok: 3, proved: 0 });
  });

  it('never runs where it is switched off, until somebody asks for it', async () => {
    const { clock, chunks, scrubber } = aScrubber(2);
    await clock.advance(100 * HOUR);
    expect(chunks.verified).toEqual([]);
    scrubber.start();
    await settle();
    expect(chunks.verified).toHaveLength(2);
  });
});
