import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { TimeoutError } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { createFileError } from '../../src/chunks/chunk-errors.ts';
import type { Disk } from '../../src/chunks/disk.ts';
import { ProbeError } from '../../src/chunks/folder-probe.ts';
import { type ProbeFailure, toProbeFailure } from '../../src/chunks/probe-failure.ts';
import { ChunkError } from '../../src/farming/errors.ts';
import { makeId } from '../fakes/builders.ts';
import { aChunk, createContent, createDisks } from '../fakes/fake-disks.ts';

const slow = new ChunkError('slow', 'slow');
const errorWith = (code: string) => Object.assign(new Error(code), { code });
const never = async () => await new Promise<never>(() => {});
/** @param code an error code, or `timeout`; undefined lets all probes pass */
const failProbesWith = (disk: Disk, code: string | undefined) => {
  disk.probe = async () => (code === undefined ? undefined : toFailure(code));
};
const toFailure = (code: string) => toProbeFailure(code === 'timeout' ? new TimeoutError(1) : errorWith(code));

describe('Disks', () => {
  it('does not change a disk that fails at the start until it works', async () => {
    const { disks, disk, held, put, found, probe, listFiles, clock, log } = await createDisks([5]);
    put(1);
    held.delete(makeId(1));
    const marker = join(disk(0).path, 'downstream.json');
    renameSync(marker, `${marker}.away`);
    expect(await disks.load()).toMatchObject({ orphans: 0, partial: 0 });
    expect(disk(0).state.kind).toBe('quarantined');
    expect(listFiles(0)).toEqual([makeId(1)]);
    held.add(makeId(1));
    renameSync(`${marker}.away`, marker);
    const since = clock.now();
    expect(disk(0).since).toBe(since);
    await clock.advance(60_000);
    await probe(3);
    expect(disk(0).state.kind).toBe('ok');
    expect(disk(0).since).toBeUndefined();
    expect(found).toEqual([makeId(1)]);
    expect(log.lines.at(-1)).toMatchObject({ message: 'disk readmitted', fields: { seconds: 60 } });
  });

  it('uses a full disk again when space is free, even if its capacity is used up', async () => {
    const { disks, put } = await createDisks([1, 1]);
    const disk = put(1);
    put(2);
    disks.failed(makeId(1), disk, createFileError('ENOSPC'));
    expect(disk.state).toEqual({ kind: 'full', code: 'ENOSPC' });
    await disks.probe(disk);
    expect(disk.state).toEqual({ kind: 'ok' });
    expect(disks.reserve(aChunk(makeId(1)))).toBe(disk);
  });

  it('writes nothing to a full disk until space is free, and loses no chunk on it', async () => {
    const { disks, put, lost, errors, setFree, countFree } = await createDisks([5]);
    const disk = put(1);
    setFree(0, { freeBytes: 10 });
    disks.failed(makeId(2), disk, createFileError('ENOSPC'));
    for (const _ of [1, 2]) await disks.probe(disk);
    expect({ state: disk.state.kind, free: countFree(), lost, errors }).toEqual({
      state: 'full',
      free: 0,
      lost: [],
      errors: ['0 full'],
    });
    expect(disks.find(makeId(1))).toBe(disk);
    setFree(0, { freeBytes: 1e6 });
    await disks.probe(disk);
    expect({ state: disk.state.kind, free: countFree() }).toEqual({ state: 'ok', free: 4 });
  });

  it.each(['ENOSPC', 'EDQUOT'])(
    'accepts no chunk after %s until as much as a chunk was written, whatever free space is reported',
    async (code) => {
      const { disks, put, clock, countFree } = await createDisks([5]);
      const disk = put(1);
      const probe = disk.probe.bind(disk);
      const probes: boolean[] = [];
      disk.probe = async ({ writesChunk = false } = {}) => {
        probes.push(writesChunk);
        return writesChunk ? toFailure(code) : undefined;
      };
      disks.failed(makeId(2), disk, createFileError(code));
      const controller = new AbortController();
      const ended = disks.run(controller.signal).catch(() => {});
      await clock.advance(120_000);
      // Small probes find out whether the disk is still there. Chunks are written once a minute.
      expect(probes).toEqual([false, true, false, true]);
      expect({ state: disk.state, free: countFree() }).toEqual({ state: { kind: 'full', code }, free: 0 });
      disk.probe = probe;
      await disks.probe(disk, { writesChunk: false });
      expect(disk.state.kind).toBe('full');
      await disks.probe(disk);
      expect(countFree()).toBe(4);
      controller.abort();
      await ended;
    },
  );

  it.each([
    ['ENOSPC', { freeBytes: 10 }, 'no free space'],
    ['ENOSPC', { freeFiles: 0 }, 'no free inodes'],
    ['ENOSPC', {}, 'quota or another limit of the file system reached'],
    ['EDQUOT', {}, 'disk quota used up'],
  ])('reports which resource is used up after %s with %j', async (code, free, reason) => {
    const { disks, disk, setFree, log } = await createDisks([5]);
    setFree(0, free);
    disks.failed(makeId(1), disk(0), createFileError(code));
    await new Promise(setImmediate);
    expect(disk(0).reason).toBe(reason);
    expect(log.lines.at(-1)).toMatchObject({ message: 'disk full', fields: { reason } });
  });

  it('accepts no more chunks than there are inodes, except some for the state', async () => {
    const { disk, put, setFree, countFree } = await createDisks([9]);
    setFree(0, { freeFiles: 18 });
    await disk(0).checkSpace();
    expect(countFree()).toBe(2);
    put(1);
    expect(countFree()).toBe(1);
    setFree(0, { freeFiles: undefined });
    await disk(0).checkSpace();
    expect(countFree()).toBe(8);
  });

  it('does not use a full disk until the largest chunk fits', async () => {
    const { disks, put, setFree, countFree } = await createDisks([9]);
    put(1, 300);
    const disk = put(2, 2_000);
    disks.failed(makeId(3), disk, createFileError('ENOSPC'));
    setFree(0, { freeBytes: 1_999 });
    await disks.probe(disk);
    expect({ state: disk.state.kind, reason: disk.reason }).toEqual({ state: 'full', reason: 'no free space' });
    setFree(0, { freeBytes: 2_000 });
    await disks.probe(disk);
    expect({ state: disk.state.kind, free: countFree(300) }).toEqual({ state: 'ok', free: 6 });
  });

  it('does not start to store chunks on a disk that is out of space', async () => {
    const { disks, disk, countFree } = await createDisks([5]);
    failProbesWith(disk(0), 'EDQUOT');
    await disks.load();
    expect({ state: disk(0).state.kind, free: countFree() }).toEqual({ state: 'full', free: 0 });
  });

  it('stores no chunks on a disk that cannot do all that is needed, but reads from it', async () => {
    const { disks, put, lost, log, countFree } = await createDisks([5]);
    const disk = put(1);
    disk.probe = async () => toProbeFailure(new ProbeError('EINVAL', 'flushing a directory failed (EINVAL)'));
    // The failure of a chunk starts a probe.
    disks.failed(makeId(2), disk, createFileError('EINVAL'));
    await disks.probe(disk);
    expect(disk.state).toEqual({ kind: 'read_only', reason: 'flushing a directory failed (EINVAL)' });
    expect({ free: countFree(), lost, found: disks.find(makeId(1)) }).toEqual({ free: 0, lost: [], found: disk });
    expect(log.messages()).toEqual(['disk read-only']);
  });

  it.each(['a link', 'a mount'])('neither uses nor changes the chunks of another farm behind %s', async (kind) => {
    const { disks, disk, listFiles } = await createDisks([5]);
    const other = await createDisks([5]);
    other.put(7);
    rmSync(disk(0).files.folder, { recursive: true });
    // Moving the other folder to this place has the same effect as a mount.
    if (kind === 'a link') symlinkSync(other.disk(0).files.folder, disk(0).files.folder);
    else renameSync(other.disk(0).files.folder, disk(0).files.folder);
    await disks.load();
    const reason = expect.stringContaining('another farmer or disk');
    expect(disk(0).state).toMatchObject({ kind: 'quarantined', reason });
    expect(listFiles(0)).toEqual([makeId(7)]);
  });

  it('does not use a chunk folder that is a link to a folder without a marker', async () => {
    const { disks, disk } = await createDisks([5]);
    const { folder } = disk(0).files;
    renameSync(folder, `${folder}-away`);
    rmSync(join(`${folder}-away`, 'downstream.json'));
    writeFileSync(join(`${folder}-away`, makeId(1)), 'of someone else');
    symlinkSync(`${folder}-away`, folder);
    await disks.probe(disk(0));
    expect(disk(0).state.kind).toBe('quarantined');
    expect(readdirSync(folder)).toEqual([makeId(1)]);
  });

  it('reads from a disk that failed and came back full', async () => {
    const { disks, put, found, probe } = await createDisks([5, 5]);
    const disk = put(1);
    disks.failed(makeId(1), disk, createFileError('ENXIO'));
    failProbesWith(disk, 'ENOSPC');
    await probe(3);
    expect(disk.state).toEqual({ kind: 'full', code: 'ENOSPC' });
    expect(found).toEqual([makeId(1)]);
    expect(disks.find(makeId(1))).toBe(disk);
  });

  it('probes a quarantined disk at every check of free space, and other disks less often', async () => {
    const { disks, list, clock } = await createDisks([5, 5]);
    const probes = list.map((disk, n) => {
      let count = 0;
      disk.checkSpace = async () => {};
      disk.probe = async () => {
        count += 1;
        return n === 0 ? toFailure('ENODEV') : undefined;
      };
      return () => count;
    });
    const controller = new AbortController();
    const ended = disks.run(controller.signal).catch(() => {});
    await clock.advance(90_000);
    expect(probes.map((count) => count())).toEqual([13, 3]);
    controller.abort();
    await ended;
  });

  it('keeps monitoring the other disks while one hangs during a scan', async () => {
    const { disks, disk, clock } = await createDisks([5, 5]);
    disks.failed(makeId(1), disk(0), createFileError('ENXIO'));
    failProbesWith(disk(0), undefined);
    failProbesWith(disk(1), undefined);
    disk(0).files.removePartial = never;
    let checks = 0;
    disk(1).checkSpace = async () => void checks++;
    const controller = new AbortController();
    const ended = disks.run(controller.signal).catch(() => {});
    await clock.advance(600_000);
    expect(checks).toBe(120);
    controller.abort();
    await clock.advance(5_000);
    void ended;
  });

  it('does not blame a disk for a download that breaks off', async () => {
    const { disks, disk } = await createDisks([5, 5]);
    disks.failed(makeId(1), disk(0), new ChunkError('download_failed', 'broke off', { cause: 'ENOTCONN' }));
    expect(disk(0).state.kind).toBe('ok');
  });

  it('shares one probe among concurrent failures', async () => {
    const { disks, disk, errors } = await createDisks([5, 5]);
    const gate = Promise.withResolvers<ProbeFailure>();
    disk(0).probe = async () => await gate.promise;
    for (const n of [1, 2, 3]) disks.failed(makeId(n), disk(0), createFileError('ENOENT'));
    gate.resolve(toFailure('timeout'));
    await disks.probe(disk(0));
    expect(disk(0).state.kind).toBe('ok');
    expect(errors).toEqual(['0 slow']);
  });

  it('deletes leftovers of late writes on a slow disk after the next successful probe', async () => {
    const { disks, disk } = await createDisks([5]);
    const partial = disk(0).files.partialPath(makeId(1));
    disks.failed(makeId(1), disk(0), slow);
    await disk(0).files.discard(partial);
    writeFileSync(partial, 'written late');
    const other = disk(0).files.partialPath(makeId(2));
    writeFileSync(other, 'being written');
    await disks.probe(disk(0));
    expect({ late: existsSync(partial), current: existsSync(other) }).toEqual({ late: false, current: true });
  });

  it('reads from a read-only disk that has no alternative, and writes to it when it is writable again', async () => {
    const { disks, put, lost, probe, log, countFree } = await createDisks([5]);
    const disk = put(1);
    disks.failed(makeId(2), disk, createFileError('EROFS'));
    expect(disk.state).toEqual({ kind: 'read_only', reason: 'EROFS' });
    expect({ free: countFree(), lost }).toEqual({ free: 0, lost: [] });
    expect(disks.find(makeId(1))).toBe(disk);
    await probe(1);
    expect(disk.state).toEqual({ kind: 'ok' });
    expect(countFree()).toBe(4);
    expect(log.messages()).toEqual(['disk read-only', 'disk writable again']);
  });

  it.each<[string, number, number]>([
    ['read_only', 1, 0],
    ['quarantined', 2, 2],
  ])(
    'makes a disk whose writes fail %s if the other disks have space for %i of its 2 chunks',
    async (kind, space, lostChunks) => {
      const { disks, disk, put, lost } = await createDisks([5, space]);
      put(1);
      put(2);
      disks.failed(makeId(1), disk(0), createFileError('EROFS'));
      expect(disk(0).state).toMatchObject({ kind, reason: 'EROFS' });
      expect(lost).toHaveLength(lostChunks);
      expect(disks.find(makeId(1))).toBe(lostChunks === 0 ? disk(0) : undefined);
    },
  );

  it.each<[string, number[]]>([
    ['quarantined', [1_000, 1_000, 400]],
    ['read_only', [1_500, 900]],
  ])('makes a disk whose writes fail %s if its chunks of %j bytes fit on two others', async (kind, sizes) => {
    const { disks, disk, put } = await createDisks([5, 1.4, 1]);
    for (const [n, bytes] of sizes.entries()) put(n, bytes);
    disks.failed(makeId(0), disk(0), createFileError('EROFS'));
    expect(disk(0).state.kind).toBe(kind);
  });

  it.each(['ENODEV', 'ENXIO', 'ESTALE'])('quarantines a disk at its first %s and gives up its chunks', async (code) => {
    // The other disk works but has no capacity.
    const { disks, disk, put, lost, log } = await createDisks([5, 0]);
    put(1);
    put(2);
    disks.failed(makeId(1), disk(0), createFileError(code));
    expect(disk(0).state).toMatchObject({ kind: 'quarantined', reason: code });
    expect(lost.sort()).toEqual([makeId(1), makeId(2)]);
    expect(() => disks.reserve(aChunk(makeId(1)))).toThrow(expect.objectContaining({ code: 'no_space' }));
    expect(log.messages('error')).toEqual(['disk quarantined']);
  });

  it.each(['EIO', 'EUCLEAN'])('quarantines a disk after %s on three different chunks within an hour', async (code) => {
    const { disks, disk, clock } = await createDisks([5, 5]);
    const fail = (n: number) => disks.failed(makeId(n), disk(0), createFileError(code));
    for (const n of [1, 1, 1, 1, 1, 2]) fail(n);
    expect(disk(0).state.kind).toBe('ok');
    await clock.advance(3_600_001);
    fail(3);
    expect(disk(0).state.kind).toBe('ok');
    fail(4);
    fail(5);
    expect(disk(0).state.kind).toBe('quarantined');
  });

  it('keeps using the only disk despite repeated errors: its chunks are rebuilt one by one', async () => {
    const { disks, disk, put, lost, errors, log } = await createDisks([9]);
    for (const n of [1, 2, 3, 4, 5]) put(n);
    for (const n of [1, 2, 3, 4]) disks.failed(makeId(n), disk(0), createFileError('EIO'));
    expect({ state: disk(0).state.kind, lost, errors }).toEqual({
      state: 'ok',
      lost: [],
      errors: Array(4).fill('0 io'),
    });
    expect(disks.find(makeId(5))).toBe(disk(0));
    expect(disks.reserve(aChunk(makeId(1)))).toBe(disk(0));
    expect(log.messages('error')).toContain('disk degraded');
  });

  it.each(['EIO', 'EACCES', 'EPERM'])(
    'reads from the only disk while its probes fail with %s, and writes to it when they succeed',
    async (code) => {
      const { disks, put, lost, probe, countFree } = await createDisks([5]);
      const disk = put(1);
      const realProbe = disk.probe.bind(disk);
      failProbesWith(disk, code);
      await probe(3);
      expect(disk.state).toEqual({ kind: 'read_only', reason: code });
      expect({ free: countFree(), lost }).toEqual({ free: 0, lost: [] });
      expect((await disks.load()).present).toEqual(new Set([makeId(1)]));
      disk.probe = realProbe;
      await probe(1);
      expect({ state: disk.state, free: countFree(), lost }).toEqual({ state: { kind: 'ok' }, free: 4, lost: [] });
    },
  );

  it('reads from a quarantined disk with errors again when no other disk works', async () => {
    const { disks, put, otherThan, probe, found } = await createDisks([5, 4]);
    const disk = put(1);
    const other = otherThan(disk);
    failProbesWith(disk, 'EIO');
    await probe(4);
    expect(disk.state.kind).toBe('quarantined');
    disks.failed(makeId(2), other, createFileError('ENXIO'));
    failProbesWith(other, 'ENXIO');
    await probe(3);
    expect(disk.state).toEqual({ kind: 'read_only', reason: 'EIO' });
    expect(found).toEqual([makeId(1)]);
    expect(disks.find(makeId(1))).toBe(disk);
  });

  it('uses a disk that is slow at the start', async () => {
    const { disks, put, errors, lost, countFree } = await createDisks([5]);
    const disk = put(1);
    failProbesWith(disk, 'timeout');
    expect((await disks.load()).present).toEqual(new Set([makeId(1)]));
    expect({ state: disk.state.kind, free: countFree(), errors, lost }).toEqual({
      state: 'ok',
      free: 4,
      errors: ['0 slow'],
      lost: [],
    });
  });

  it('quarantines a disk that hangs at the start', async () => {
    const { disks, disk, clock } = await createDisks([5, 5]);
    failProbesWith(disk(0), 'timeout');
    disk(0).files.list = never;
    const loaded = disks.load();
    await clock.advance(60_000);
    await loaded;
    expect([disk(0).state.kind, disk(1).state.kind]).toEqual(['quarantined', 'ok']);
  });

  it.each(['EIO', 'EUCLEAN', 'EPERM', 'EDQUOT'])(
    'uses a disk on which deletions fail with %s, at the start and after quarantine',
    async (code) => {
      const { disks, put, probe, log } = await createDisks([5]);
      const disk = put(1);
      writeFileSync(disk.files.path(makeId(2)), 'no contract');
      const fail = async () => await Promise.reject(errorWith(code));
      disk.files.remove = fail;
      disk.files.removePartial = fail;
      expect(await disks.load()).toEqual({ present: new Set([makeId(1)]), partial: 0, orphans: 0 });
      expect(disk.state.kind).toBe('ok');
      expect(log.messages('warn')).toEqual(['disk cleanup incomplete']);
      disks.failed(makeId(1), disk, createFileError('ENXIO'));
      await probe(3);
      expect(disk.state.kind).toBe('ok');
      expect([disks.find(makeId(1)), disks.find(makeId(2))]).toEqual([disk, undefined]);
    },
  );

  it('uses a disk that hangs on a deletion, and does not try a second one', async () => {
    const { disks, put, clock } = await createDisks([5]);
    const disk = put(1);
    for (const n of [2, 3, 4]) writeFileSync(disk.files.path(makeId(n)), 'no contract');
    let deletions = 0;
    disk.files.remove = async () => {
      deletions += 1;
      return await never();
    };
    const loaded = disks.load();
    // The scan does real I/O before the deletion.
    while (deletions === 0) await disk.probe();
    await clock.advance(30_000);
    expect((await loaded).present).toEqual(new Set([makeId(1)]));
    expect({ deletions, state: disk.state.kind }).toEqual({ deletions: 1, state: 'ok' });
  });

  it('readmits a disk without waiting for another that hangs, whose copies it keeps', async () => {
    const { disks, put, otherThan, found, clock } = await createDisks([5, 5]);
    const returning = put(1);
    const hanging = otherThan(returning);
    const own = [2, 3, 4, 5].filter((n) => put(n) === returning).map(makeId);
    disks.failed(makeId(9), returning, createFileError('ENXIO'));
    for (const id of [makeId(1), ...own]) {
      writeFileSync(hanging.files.path(id), createContent());
      disks.reserve(aChunk(id));
      disks.stored(aChunk(id), hanging);
    }
    let comparisons = 0;
    returning.files.isNewer = async () => {
      comparisons += 1;
      return await never();
    };
    failProbesWith(returning, undefined);
    for (const _ of [1, 2]) await disks.probe(returning);
    const probed = disks.probe(returning);
    while (comparisons === 0) await hanging.probe();
    await clock.advance(30_000);
    await probed;
    expect({ state: returning.state.kind, comparisons, found }).toEqual({ state: 'ok', comparisons: 1, found: [] });
    for (const id of [makeId(1), ...own]) {
      expect(disks.find(id)).toBe(hanging);
      expect(existsSync(returning.files.path(id))).toBe(true);
    }
  });

  it('quarantines a disk after three slow operations in a row, unless it is the last one', async () => {
    const { disks, disk } = await createDisks([5, 5]);
    for (const n of [1, 2]) disks.failed(makeId(n), disk(0), slow);
    disks.read(makeId(9), disk(0));
    for (const n of [1, 2]) disks.failed(makeId(n), disk(0), slow);
    expect(disk(0).state.kind).toBe('ok');
    disks.failed(makeId(3), disk(0), slow);
    expect(disk(0).state.kind).toBe('quarantined');
    for (let n = 0; n < 10; n++) disks.failed(makeId(n), disk(1), slow);
    expect(disk(1).state.kind).toBe('ok');
  });

  it('rebuilds a chunk that was slow three times while other reads on its disk were fast', async () => {
    const { disks, put, lost, log } = await createDisks([5]);
    const disk = put(1);
    put(2);
    const failSlowly = () => disks.failed(makeId(1), disk, slow);
    for (const read of [2, 1, 2, 2]) {
      failSlowly();
      disks.read(makeId(read), disk);
    }
    expect(lost).toEqual([]);
    failSlowly();
    expect({ lost, state: disk.state.kind }).toEqual({ lost: [makeId(1)], state: 'ok' });
    expect(log.messages('error')).toEqual(['slow chunk marked as lost']);
    expect(disks.reserve(aChunk(makeId(1)))).toBe(disk);
    disks.stored(aChunk(makeId(1)), disk);
    failSlowly();
    expect(lost).toHaveLength(1);
  });

  it('rebuilds no chunk of a disk that is slow as a whole', async () => {
    const { disks, put, lost } = await createDisks([5]);
    const disk = put(1);
    put(2);
    for (let n = 0; n < 10; n++) for (const id of [1, 2].map(makeId)) disks.failed(id, disk, slow);
    expect(lost).toEqual([]);
  });

  it('quarantines a disk after three probes in a row timed out, unless it is the last one', async () => {
    const { disks, disk, list } = await createDisks([5, 5]);
    for (const one of list) failProbesWith(one, 'timeout');
    for (const _ of [1, 2]) await disks.probe(disk(0));
    expect(disk(0).state.kind).toBe('ok');
    await disks.probe(disk(0));
    expect(disk(0).state.kind).toBe('quarantined');
    for (let n = 0; n < 10; n++) await disks.probe(disk(1));
    expect(disk(1).state.kind).toBe('ok');
  });

  it('does not blame a disk for an exhausted process', async () => {
    const { disks, disk, errors } = await createDisks([5, 5]);
    failProbesWith(disk(0), 'EMFILE');
    for (let n = 0; n < 5; n++) await disks.probe(disk(0));
    expect({ state: disk(0).state.kind, errors }).toEqual({ state: 'ok', errors: [] });
  });

  it.each(['probe', 'list'])('refuses to start if the process is exhausted at the %s of a disk', async (operation) => {
    const { disks, disk, put } = await createDisks([5, 5]);
    put(1);
    if (operation === 'probe') failProbesWith(disk(0), 'EMFILE');
    else disk(0).files.list = async () => await Promise.reject(errorWith('EMFILE'));
    await expect(disks.load()).rejects.toMatchObject({ code: 'exhausted', message: expect.stringContaining('ulimit') });
    expect(disk(0).state.kind).toBe('ok');
  });

  it('does not trust a chunk that was written while its disk failed', async () => {
    const { disks, disk, held, probe } = await createDisks([5, 1]);
    const chosen = disks.reserve(aChunk(makeId(1)));
    held.add(makeId(1));
    disks.failed(makeId(2), chosen, createFileError('ENXIO'));
    writeFileSync(chosen.files.path(makeId(1)), createContent());
    disks.stored(aChunk(makeId(1)), chosen);
    expect(chosen).toBe(disk(0));
    expect(disks.find(makeId(1))).toBeUndefined();
    expect({ chunks: chosen.chunks.size, usedBytes: chosen.usedBytes }).toEqual({ chunks: 0, usedBytes: 0 });
    await probe(3);
    expect(disks.find(makeId(1))).toBe(chosen);
  });

  it('probes a disk when a chunk on it is missing, and quarantines it if it is unmounted', async () => {
    const { disks, put, lost } = await createDisks([5, 5]);
    const disk = put(1);
    renameSync(disk.path, `${disk.path}-away`);
    mkdirSync(disk.path);
    disks.failed(makeId(1), disk, createFileError('ENOENT'));
    // The failure started a probe: this waits for the same one.
    await disk.probe();
    expect({ state: disk.state.kind, lost }).toEqual({ state: 'quarantined', lost: [makeId(1)] });
  });

  it('quarantines a disk whose marker file is gone', async () => {
    const { disk, probe } = await createDisks([5]);
    rmSync(join(disk(0).path, 'downstream.json'));
    await probe(1);
    expect(disk(0).state).toMatchObject({ kind: 'quarantined', reason: 'not mounted, or a new disk' });
  });

  it('keeps using a disk on which a single chunk is missing', async () => {
    const { disks, disk } = await createDisks([5]);
    disks.failed(makeId(1), disk(0), createFileError('ENOENT'));
    expect(await disk(0).probe()).toBeUndefined();
    expect(disk(0).state.kind).toBe('ok');
  });

  it('probes the other disks while one hangs', async () => {
    const { disks, disk } = await createDisks([5, 5]);
    const marker = join(disk(0).path, 'downstream.json');
    rmSync(marker);
    // Opening a pipe without a writer hangs like a file on a lost network mount.
    execFileSync('mkfifo', [marker]);
    const probe = disks.probe(disk(0));
    await disks.probe(disk(1));
    expect(disk(1).state.kind).toBe('ok');
    const writer = await open(marker, 'r+');
    await writer.close();
    await probe;
    expect(disk(0).state.kind).toBe('quarantined');
  });

  it('readmits a disk after three successful probes, with the chunks that are still needed there', async () => {
    const { disks, disk, put, probe, found, held, listFiles } = await createDisks([5, 5]);
    for (const n of [1, 2, 3, 4, 5, 6]) put(n);
    const [rebuilt = '', ended = '', needed = ''] = held.ids.filter((id) => disks.find(id) === disk(0));
    const { path } = disk(0);
    renameSync(path, `${path}-away`);
    await probe(1);
    expect(disk(0).state.kind).toBe('quarantined');
    const chosen = disks.reserve(aChunk(rebuilt));
    writeFileSync(chosen.files.path(rebuilt), createContent());
    disks.stored(aChunk(rebuilt), chosen);
    held.delete(ended);
    await probe(3);
    expect(disk(0).state.kind).toBe('quarantined');
    renameSync(`${path}-away`, path);
    await probe(2);
    expect(disk(0).state.kind).toBe('quarantined');
    await probe(1);
    expect(disk(0).state).toEqual({ kind: 'ok' });
    expect(found).toEqual([needed]);
    expect([disks.find(needed), disks.find(rebuilt)]).toEqual([disk(0), disk(1)]);
    expect(listFiles(0)).toEqual([needed]);
    expect(disk(0).probeSeconds).toBeGreaterThanOrEqual(0);
  });

  it('creates a missing chunk folder again', async () => {
    const { disk, put, probe, listFiles } = await createDisks([5]);
    rmSync(disk(0).files.folder, { recursive: true });
    await probe(1);
    put(1);
    expect(disk(0).state.kind).toBe('ok');
    expect(listFiles(0)).toEqual([makeId(1)]);
  });

  it('quarantines a disk whose chunk folder cannot be written', async () => {
    const { disks, disk } = await createDisks([5, 5]);
    rmSync(disk(0).files.folder, { recursive: true });
    writeFileSync(disk(0).files.folder, 'a file in its place');
    await disks.probe(disk(0));
    expect(disk(0).state.kind).toBe('quarantined');
  });

  it('does not create a chunk folder on a different disk', async () => {
    const { disks, disk } = await createDisks([5]);
    rmSync(disk(0).path, { recursive: true });
    mkdirSync(disk(0).path);
    await disks.probe(disk(0));
    expect(disk(0).state.kind).toBe('quarantined');
    expect(readdirSync(disk(0).path)).toEqual([]);
  });
});
