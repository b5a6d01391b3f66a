import { utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFileError } from '../../src/chunks/chunk-errors.ts';
import { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import { makeId } from '../fakes/builders.ts';
import { aChunk, CHUNK_BYTES, createContent, createDisks } from '../fakes/fake-disks.ts';

describe('ChunkPlacement', () => {
  it('puts new chunks on the disk with the most free space, and none beyond the capacity', async () => {
    const { put, disks, list, countFree } = await createDisks([3, 1]);
    expect(countFree()).toBe(4);
    const chosen = [put(1), put(2), put(3), put(4)].map((disk) => list.indexOf(disk));
    expect(chosen.sort()).toEqual([0, 0, 0, 1]);
    expect(countFree()).toBe(0);
    expect(() => disks.reserve(aChunk(makeId(5)))).toThrow(expect.objectContaining({ code: 'no_space' }));
  });

  it('says why no disk takes a chunk, and what helps', async () => {
    const { put, disks, disk, otherThan, setFree } = await createDisks([1, 1]);
    const explain = () => {
      try {
        return disks.reserve(aChunk(makeId(9))).path;
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
    };
    const first = put(1);
    put(2);
    expect(explain()).toMatch(
      /^the configured capacity of the usable disks is used up, .* 1000 B each: raise it \(FARMER_SIZE/,
    );
    for (const n of [0, 1]) setFree(n, { freeBytes: 10 });
    for (const n of [0, 1]) await disk(n).checkSpace();
    expect(explain()).toMatch(/^no usable disk has 1000 B of free space/);
    disks.failed(makeId(1), first, createFileError('ENODEV'));
    disks.failed(makeId(2), otherThan(first), createFileError('ENOSPC'));
    expect(explain()).toMatch(/^every usable disk is full or read-only/);
    disks.failed(makeId(2), otherThan(first), createFileError('ENODEV'));
    expect(explain()).toMatch(/^no disk can be used: check the disks/);
  });

  it('counts a chunk that is being written as used space', async () => {
    const { disks, countFree } = await createDisks([2]);
    const disk = disks.reserve(aChunk(makeId(1)));
    expect({ free: countFree(), used: disk.usedBytes }).toEqual({ free: 1, used: CHUNK_BYTES });
    disks.cancelled(aChunk(makeId(1)), disk);
    expect({ free: countFree(), used: disk.usedBytes }).toEqual({ free: 2, used: 0 });
  });

  it('keeps a reserve free of new contracts, but not of chunks of accepted ones', async () => {
    const { disks, disk, setFree, countFree } = await createDisks([10], { minFreeBytes: 5 * CHUNK_BYTES });
    setFree(0, { freeBytes: 5.5 * CHUNK_BYTES });
    await disk(0).checkSpace();
    expect(countFree()).toBe(0);
    expect(() => disks.reserve(aChunk(makeId(1)))).not.toThrow();
  });

  it('keeps the reserve while chunks arrive faster than free space is checked', async () => {
    const { disk, put, setFree, countFree } = await createDisks([9], { minFreeBytes: CHUNK_BYTES });
    setFree(0, { freeBytes: 4 * CHUNK_BYTES });
    await disk(0).checkSpace();
    for (const n of [1, 2, 3]) put(n);
    expect(countFree()).toBe(0);
    setFree(0, { freeBytes: 100 * CHUNK_BYTES });
    await disk(0).checkSpace();
    expect(countFree()).toBe(6);
  });

  it('rebuilds every chunk of an accepted contract after the capacity was lowered, and no more', async () => {
    const { disks, held, put, countFree } = await createDisks([2]);
    for (const n of [1, 2, 3]) held.add(makeId(n));
    put(1);
    put(2);
    expect(countFree()).toBe(0);
    put(3);
    held.delete(makeId(1));
    expect(() => disks.reserve(aChunk(makeId(4)))).toThrow(expect.objectContaining({ code: 'no_space' }));
  });

  it('rebuilds a chunk on the disk it was on, even if that has no capacity left', async () => {
    const { put, disks, disk } = await createDisks([1, 5]);
    for (const n of [1, 2, 3, 4, 5, 6]) put(n);
    const onFirst = [1, 2, 3, 4, 5, 6].map(makeId).find((id) => disks.find(id) === disk(0)) ?? '';
    expect(disks.reserve(aChunk(onFirst))).toBe(disk(0));
  });

  it('counts chunks of different sizes in bytes', async () => {
    const { put, disks, disk, countFree } = await createDisks([3, 2]);
    expect(put(1, 2_500)).toBe(disk(0));
    expect(put(2, 400)).toBe(disk(1));
    expect([disk(0).usedBytes, disk(1).usedBytes]).toEqual([2_500, 400]);
    expect({ large: countFree(1_600), middle: countFree(500), small: countFree(100) }).toEqual({
      large: 1,
      middle: 4,
      small: 21,
    });
    disks.removed(makeId(1));
    expect(countFree(3_000)).toBe(1);
  });

  it('does not count on space that no disk has in one piece, or that chunks without a place need', async () => {
    const { disks, put } = await createDisks([2, 3]);
    expect(disks.availableBytes({ bytes: 0, chunks: 1 })).toBe(3_000);
    expect(disks.availableBytes({ bytes: 2_100, chunks: 1 })).toBe(900);
    expect(disks.availableBytes({ bytes: 3_100, chunks: 1 })).toBe(0);
    put(1, 1_500);
    expect(disks.availableBytes({ bytes: 0, chunks: 1 })).toBe(2_000);
    expect(() => disks.reserve(aChunk(makeId(2), 2_100))).toThrow(
      expect.objectContaining({ code: 'no_space', message: expect.stringContaining('less than 2.1 KiB each') }),
    );
  });

  it('has no space for chunks with tags while the first disk, which holds the tags, has only its reserve', async () => {
    const { disks, disk, setFree } = await createDisks([9, 9], { minFreeBytes: CHUNK_BYTES });
    const measure = async (freeBytes: number) => {
      setFree(0, { freeBytes });
      await disk(0).checkSpace();
      return disks.availableBytes({ bytes: 0, chunks: 1 }, { hasTags: true });
    };
    expect(await measure(CHUNK_BYTES + 1)).toBe(9_000);
    expect(await measure(CHUNK_BYTES)).toBe(0);
    expect(disks.availableBytes({ bytes: 0, chunks: 1 })).toBe(9_000);
    disks.failed(makeId(1), disk(0), createFileError('EROFS'));
    expect(disks.availableBytes({ bytes: 0, chunks: 1 }, { hasTags: true })).toBe(0);
  });

  it('has a place for every chunk that it said would fit, in whatever order they come', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, fc.infiniteStream(fc.nat(1_000)), async (pending, wanted, order) => {
        const { disks } = await createDisks([2, 1, 3]);
        let left = disks.availableBytes({ bytes: 0, chunks: pending.length });
        const accepted = pending.filter((bytes) => {
          const fits = bytes <= left;
          if (fits) left -= bytes;
          return fits;
        });
        const bytes = accepted.reduce((sum, one) => sum + one, 0);
        let available = disks.availableBytes({ bytes, chunks: accepted.length + wanted.length });
        for (const one of wanted) {
          if (one > available) continue;
          available -= one;
          accepted.push(one);
        }
        const shuffled = accepted.map((one) => ({ one, at: Number(order.next().value) })).sort((a, b) => a.at - b.at);
        for (const [n, { one }] of shuffled.entries()) disks.reserve(aChunk(makeId(n), one));
      }),
      { numRuns: 15 },
    );
  });

  it('finds chunks of different sizes after a restart, and deletes those of the wrong size', async () => {
    const { disks, disk, held, listFiles, log, countFree } = await createDisks([4, 4]);
    const write = (n: number, on: number, bytes: number) =>
      writeFileSync(disk(on).files.path(makeId(n)), createContent(bytes));
    held.add(makeId(1), { sizeBytes: 2_500 });
    held.add(makeId(2), { sizeBytes: 300 });
    for (const n of [3, 4]) held.add(makeId(n));
    for (const n of [5, 6]) held.add(makeId(n), { source: { kind: 'url', url: 'http://node/chunk' } });
    write(1, 0, 2_500);
    write(2, 1, 300);
    write(3, 0, CHUNK_BYTES - 1);
    write(4, 1, CHUNK_BYTES + 1);
    // Downloaded chunks may be smaller.
    write(5, 1, 700);
    write(6, 1, CHUNK_BYTES + 1);
    write(7, 1, 300);
    const present = new Set([1, 2, 5].map(makeId));
    expect(await disks.load()).toEqual({ present, partial: 0, orphans: 4 });
    expect([listFiles(0), listFiles(1)]).toEqual([[makeId(1)], [makeId(2), makeId(5)]]);
    expect([disk(0).usedBytes, disk(1).usedBytes]).toEqual([2_500, 1_300]);
    expect({ large: countFree(2_000), small: countFree(100) }).toEqual({ large: 1, small: 42 });
    expect(log.lines.filter(({ message }) => message === 'chunks of wrong size deleted')).toMatchObject([
      { fields: { disk: disk(0).path, chunks: 1 } },
      { fields: { disk: disk(1).path, chunks: 2 } },
    ]);
  });

  it('keeps a copy of the right size even if one of the wrong size is newer', async () => {
    const { disks, disk, held, listFiles } = await createDisks([4, 4]);
    held.add(makeId(1));
    writeFileSync(disk(0).files.path(makeId(1)), createContent());
    utimesSync(disk(0).files.path(makeId(1)), 1, 1);
    writeFileSync(disk(1).files.path(makeId(1)), createContent(10));
    await disks.load();
    expect([listFiles(0), listFiles(1)]).toEqual([[makeId(1)], []]);
  });

  it('keeps a chunk whose size cannot be read', async () => {
    const { disks, disk, held } = await createDisks([4]);
    held.add(makeId(1));
    writeFileSync(disk(0).files.path(makeId(1)), createContent(10));
    disk(0).files.readSizes = async () => await Promise.reject(new Error('EIO'));
    expect((await disks.load()).present).toEqual(new Set([makeId(1)]));
  });

  it.each([0, 1])('keeps the newer of two copies (on disk %i) and deletes orphans and partial files', async (newer) => {
    const { disks, disk, list, held, listFiles } = await createDisks([5, 5]);
    held.add(makeId(1));
    for (const { files } of list) writeFileSync(files.path(makeId(1)), createContent());
    utimesSync(disk(1 - newer).files.path(makeId(1)), 1, 1);
    writeFileSync(disk(1).files.path(makeId(2)), 'no contract');
    writeFileSync(new ChunkFiles(disk(1).files.folder).partialPath(makeId(3)), 'partial');
    expect(await disks.load()).toEqual({ present: new Set([makeId(1)]), partial: 1, orphans: 2 });
    const kept = [listFiles(0), listFiles(1)];
    expect(kept).toEqual(newer === 0 ? [[makeId(1)], []] : [[], [makeId(1)]]);
    expect(disks.find(makeId(1))).toBe(disk(newer));
  });

  it('deletes the old copy of a chunk that was rebuilt on another disk', async () => {
    const { disks, put, list, otherThan, listFiles } = await createDisks([5, 5]);
    const first = put(1);
    const other = otherThan(first);
    disks.failed(makeId(2), first, createFileError('ENOSPC'));
    expect(disks.reserve(aChunk(makeId(1)))).toBe(other);
    writeFileSync(other.files.path(makeId(1)), createContent());
    disks.stored(aChunk(makeId(1)), other);
    // Deletions are queued: these wait until the copy is deleted.
    for (const _ of [1, 2, 3, 4]) await first.files.remove(makeId(9));
    expect(disks.find(makeId(1))).toBe(other);
    expect(listFiles(list.indexOf(first))).toEqual([]);
  });

  it('never exceeds the capacity and never loses track of a chunk, for any sequence of events', async () => {
    const sizeOf = (n: number) => [CHUNK_BYTES, 300, 1_700][n % 3] ?? 0;
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('cancel' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('remove' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('break' as const), at: fc.nat(2) }),
      fc.record({ kind: fc.constant('fill' as const), at: fc.nat(2) }),
      fc.record({ kind: fc.constant('repair' as const), at: fc.nat(2) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const { disks, disk, list, held, put, lost, countFree } = await createDisks([2, 3, 4]);
        const present = new Set<string>();
        for (const each of steps) {
          if (each.kind === 'put' && countFree(sizeOf(each.n)) > 0) {
            put(each.n, sizeOf(each.n));
            present.add(makeId(each.n));
          }
          const chunk = aChunk(makeId(each.kind === 'cancel' ? each.n : 0));
          if (each.kind === 'cancel' && countFree() > 0) disks.cancelled(chunk, disks.reserve(chunk));
          if (each.kind === 'remove') {
            disks.removed(makeId(each.n));
            held.delete(makeId(each.n));
            present.delete(makeId(each.n));
          }
          if (each.kind === 'break') disks.failed(makeId(1), disk(each.at), createFileError('ENODEV'));
          if (each.kind === 'fill') disks.failed(makeId(1), disk(each.at), createFileError('ENOSPC'));
          if (each.kind === 'repair') {
            await disk(each.at).checkSpace();
            for (let n = 0; n < 3 && disk(each.at).state.kind !== 'ok'; n++) await disks.probe(disk(each.at));
          }
          for (const id of lost.splice(0)) present.delete(id);
          for (const id of held.ids.filter((one) => disks.find(one) !== undefined)) present.add(id);
          for (const id of present) expect(disks.find(id)?.chunks.has(id)).toBe(true);
          for (const one of list) {
            expect(one.usedBytes).toBeLessThanOrEqual(one.capacityBytes);
            expect(one.usedBytes).toBe(one.chunks.values().reduce((sum, bytes) => sum + bytes, 0));
            if (!one.isUsable) expect(one.chunks.size).toBe(0);
          }
        }
      }),
      { numRuns: 15 },
    );
  });
});
