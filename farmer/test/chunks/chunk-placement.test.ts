import { utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFileError } from '../../src/chunks/chunk-errors.ts';
import { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import { makeId } from '../fakes/builders.ts';
import { CHUNK_BYTES, createDisks } from '../fakes/fake-disks.ts';

describe('ChunkPlacement', () => {
  it('puts new chunks on the disk with the most free space, and none beyond the capacity', async () => {
    const { put, disks, list } = await createDisks([3, 1]);
    expect(disks.chunks).toBe(4);
    const chosen = [put(1), put(2), put(3), put(4)].map((disk) => list.indexOf(disk));
    expect(chosen.sort()).toEqual([0, 0, 0, 1]);
    expect(disks.chunks).toBe(0);
    expect(() => disks.reserve(makeId(5))).toThrow(expect.objectContaining({ code: 'no_space' }));
  });

  it('says why no disk takes a chunk, and what helps', async () => {
    const { put, disks, disk, otherThan, setFree } = await createDisks([1, 1]);
    const explain = () => {
      try {
        return disks.reserve(makeId(9)).path;
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
    };
    const first = put(1);
    put(2);
    expect(explain()).toMatch(/^the configured capacity of the usable disks is used up: raise it \(FARMER_SIZE/);
    for (const n of [0, 1]) setFree(n, { freeBytes: 10 });
    for (const n of [0, 1]) await disk(n).checkSpace();
    expect(explain()).toMatch(/^the usable disks have no free space/);
    disks.failed(makeId(1), first, createFileError('ENODEV'));
    disks.failed(makeId(2), otherThan(first), createFileError('ENOSPC'));
    expect(explain()).toMatch(/^every usable disk is full or read-only/);
    disks.failed(makeId(2), otherThan(first), createFileError('ENODEV'));
    expect(explain()).toMatch(/^no disk can be used: check the disks/);
  });

  it('counts a chunk that is being written as used space', async () => {
    const { disks } = await createDisks([2]);
    const disk = disks.reserve(makeId(1));
    expect({ free: disks.chunks, used: disk.usedBytes }).toEqual({ free: 1, used: CHUNK_BYTES });
    disks.cancelled(disk);
    expect({ free: disks.chunks, used: disk.usedBytes }).toEqual({ free: 2, used: 0 });
  });

  it('keeps a reserve free of new contracts, but not of chunks of accepted ones', async () => {
    const { disks, disk, setFree } = await createDisks([10], { minFreeBytes: 5 * CHUNK_BYTES });
    setFree(0, { freeBytes: 5.5 * CHUNK_BYTES });
    await disk(0).checkSpace();
    expect(disks.chunks).toBe(0);
    expect(() => disks.reserve(makeId(1))).not.toThrow();
  });

  it('keeps the reserve while chunks arrive faster than free space is checked', async () => {
    const { disks, disk, put, setFree } = await createDisks([9], { minFreeBytes: CHUNK_BYTES });
    setFree(0, { freeBytes: 4 * CHUNK_BYTES });
    await disk(0).checkSpace();
    for (const n of [1, 2, 3]) put(n);
    expect(disks.chunks).toBe(0);
    setFree(0, { freeBytes: 100 * CHUNK_BYTES });
    await disk(0).checkSpace();
    expect(disks.chunks).toBe(6);
  });

  it('rebuilds every chunk of an accepted contract after the capacity was lowered, and no more', async () => {
    const { disks, held, put } = await createDisks([2]);
    for (const n of [1, 2, 3]) held.add(makeId(n));
    put(1);
    put(2);
    expect(disks.chunks).toBe(0);
    put(3);
    held.delete(makeId(1));
    expect(() => disks.reserve(makeId(4))).toThrow(expect.objectContaining({ code: 'no_space' }));
  });

  it('rebuilds a chunk on the disk it was on, even if that has no capacity left', async () => {
    const { put, disks, disk } = await createDisks([1, 5]);
    for (const n of [1, 2, 3, 4, 5, 6]) put(n);
    const onFirst = [1, 2, 3, 4, 5, 6].map(makeId).find((id) => disks.find(id) === disk(0)) ?? '';
    expect(disks.reserve(onFirst)).toBe(disk(0));
  });

  it.each([0, 1])('keeps the newer of two copies (on disk %i) and deletes orphans and partial files', async (newer) => {
    const { disks, disk, list, held, listFiles } = await createDisks([5, 5]);
    held.add(makeId(1));
    for (const { files } of list) writeFileSync(files.path(makeId(1)), 'x');
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
    expect(disks.reserve(makeId(1))).toBe(other);
    writeFileSync(other.files.path(makeId(1)), 'x');
    disks.stored(makeId(1), other);
    // Deletions are queued: these wait until the copy is deleted.
    for (const _ of [1, 2, 3, 4]) await first.files.remove(makeId(9));
    expect(disks.find(makeId(1))).toBe(other);
    expect(listFiles(list.indexOf(first))).toEqual([]);
  });

  it('never exceeds the capacity and never loses track of a chunk, for any sequence of events', async () => {
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
        const { disks, disk, list, held, put, lost } = await createDisks([2, 3, 4]);
        const present = new Set<string>();
        for (const each of steps) {
          if (each.kind === 'put' && disks.chunks > 0) {
            put(each.n);
            present.add(makeId(each.n));
          }
          if (each.kind === 'cancel' && disks.chunks > 0) disks.cancelled(disks.reserve(makeId(each.n)));
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
          for (const id of [...held].filter((one) => disks.find(one) !== undefined)) present.add(id);
          for (const id of present) expect(disks.find(id)?.ids.has(id)).toBe(true);
          for (const one of list) {
            expect(one.usedBytes).toBeLessThanOrEqual(one.capacityBytes);
            expect(one.usedBytes).toBe(one.ids.size * CHUNK_BYTES);
            if (!one.isUsable) expect(one.ids.size).toBe(0);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
