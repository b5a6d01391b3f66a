import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import { fileError } from '../../src/chunks/worker-pool.ts';
import { makeId } from '../fakes/builders.ts';
import { CHUNK, createDisks } from '../fakes/fake-disks.ts';

const failing = (cause: string) => fileError(cause);

describe('disks', () => {
  it('take new chunks where there is most room, and none beyond what is given', async () => {
    const { put, all } = await createDisks([3, 1]);
    expect(all.chunks).toBe(4);
    expect([put(1), put(2), put(3), put(4)].sort()).toEqual([0, 0, 0, 1]);
    expect(all.chunks).toBe(0);
    expect(() => all.reserve(makeId(5))).toThrow(expect.objectContaining({ code: 'no_space' }));
  });

  it('count what is being written as written', async () => {
    const { all } = await createDisks([2]);
    const disk = all.reserve(makeId(1));
    expect([all.chunks, disk.usedBytes]).toEqual([1, CHUNK]);
    all.cancelled(disk);
    expect([all.chunks, disk.usedBytes]).toEqual([2, 0]);
  });

  it('keep a reserve free of new contracts, but not of chunks of those that were taken', async () => {
    const { all, disks } = await createDisks([10], { minFreeBytes: 5 * CHUNK });
    const [disk] = disks;
    if (disk) disk.reading = { sizeBytes: 100 * CHUNK, freeBytes: 5.5 * CHUNK };
    expect(all.chunks).toBe(0);
    expect(() => all.reserve(makeId(1))).not.toThrow();
  });

  it('keep the reserve also while chunks come faster than the file system is asked for its room', async () => {
    const { all, disks, put } = await createDisks([9], { minFreeBytes: CHUNK });
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    disk.reading = { freeBytes: 4 * CHUNK, sizeBytes: 9 * CHUNK };
    for (const n of [1, 2, 3]) put(n);
    expect(all.chunks).toBe(0);
    await all.look(disk);
    expect(all.chunks).toBe(6);
  });

  it('make every chunk again that is held, though less is given now, and no more', async () => {
    const { all, held, put } = await createDisks([2]);
    for (const n of [1, 2, 3]) held.add(makeId(n));
    put(1);
    put(2);
    expect(all.chunks).toBe(0);
    put(3);
    held.delete(makeId(1));
    expect(() => all.reserve(makeId(4))).toThrow(expect.objectContaining({ code: 'no_space' }));
  });

  it('make a chunk again where it was, though it be full', async () => {
    const { put, all, disks } = await createDisks([1, 5]);
    for (const n of [1, 2, 3, 4, 5, 6]) put(n);
    const onFirst = [1, 2, 3, 4, 5, 6].map(makeId).find((id) => all.of(id) === disks[0]) ?? '';
    expect(all.reserve(onFirst)).toBe(disks[0]);
  });

  it.each([0, 1])(
    'find their chunks again, the newer one of two copies (%i), and clear the rest away',
    async (newer) => {
      const { all, disks, held } = await createDisks([5, 5]);
      const [a, b] = disks;
      if (a === undefined || b === undefined) throw new Error('no disk');
      held.add(makeId(1));
      for (const { files } of disks) writeFileSync(files.path(makeId(1)), 'x');
      utimesSync((newer === 0 ? b : a).files.path(makeId(1)), 1, 1);
      writeFileSync(b.files.path(makeId(2)), 'nobody has it');
      writeFileSync(new ChunkFiles(b.files.folder).partialPath(makeId(3)), 'half');
      expect(await all.load()).toEqual({ present: new Set([makeId(1)]), partial: 1, orphans: 2 });
      const kept = disks.map(({ files }) => readdirSync(files.folder));
      expect(kept).toEqual(newer === 0 ? [[makeId(1)], []] : [[], [makeId(1)]]);
      expect(all.of(makeId(1))).toBe(disks[newer]);
    },
  );

  it('keep one copy of a chunk that was made again elsewhere', async () => {
    const { all, disks, put } = await createDisks([5, 5]);
    const first = disks[put(1)];
    const other = disks.find((disk) => disk !== first);
    if (first === undefined || other === undefined) throw new Error('no disk');
    all.failed(makeId(2), first, failing('ENOSPC'));
    const place = all.reserve(makeId(1));
    expect(place).toBe(other);
    writeFileSync(other.files.path(makeId(1)), 'x');
    all.stored(makeId(1), other);
    // The copy goes in its turn: this waits for it.
    await first.files.remove(makeId(9));
    await first.files.remove(makeId(9));
    expect([all.of(makeId(1)), readdirSync(first.files.folder)]).toEqual([other, []]);
  });
});

describe('disks, whatever happens', () => {
  it('never hold more than is given, and never lose track of a chunk', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('give up' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('remove' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('break' as const), at: fc.nat(2) }),
      fc.record({ kind: fc.constant('fill' as const), at: fc.nat(2) }),
      fc.record({ kind: fc.constant('mend' as const), at: fc.nat(2) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const { all, disks, held, put, lost } = await createDisks([2, 3, 4]);
        const there = new Set<string>();
        for (const each of steps) {
          const id = 'n' in each ? makeId(each.n) : '';
          const disk = 'at' in each ? disks[each.at] : undefined;
          if (each.kind === 'put' && all.chunks > 0) {
            put(each.n);
            there.add(id);
          }
          if (each.kind === 'give up' && all.chunks > 0) all.cancelled(all.reserve(id));
          if (each.kind === 'remove') {
            all.removed(id);
            held.delete(id);
            there.delete(id);
          }
          if (each.kind === 'break' && disk) all.failed(makeId(1), disk, failing('ENODEV'));
          if (each.kind === 'fill' && disk) all.failed(makeId(1), disk, failing('ENOSPC'));
          if (each.kind === 'mend' && disk) for (let n = 0; n < 3; n++) await all.probe(disk);
          for (const gone of lost.splice(0)) there.delete(gone);
          for (const found of [...held].filter((one) => all.of(one) !== undefined)) there.add(found);
          for (const one of there)
            expect(disks.some((other) => other === all.of(one) && other.ids.has(one))).toBe(true);
          for (const other of disks) {
            expect(other.usedBytes).toBeLessThanOrEqual(other.capacityBytes);
            expect(other.reserved).toBe(0);
            if (other.state === 'quarantined') expect(other.ids.size).toBe(0);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
