import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { fileError } from '../../src/chunks/worker-pool.ts';
import { ChunkError } from '../../src/farming/errors.ts';
import { makeId } from '../fakes/builders.ts';
import { createDisks } from '../fakes/fake-disks.ts';

const failing = (cause: string) => fileError(cause);
const slow = new ChunkError('slow', 'slow');
const errorOf = (code: string) => Object.assign(new Error(code), { code });
const never = async () => await new Promise<never>(() => {});

describe('a disk', () => {
  it('that does not work at the start is left as it is, until it does', async () => {
    const { all, disks, held, put, found, probe } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    held.delete(makeId(1));
    const marker = join(disk.path, 'downstream.json');
    renameSync(marker, `${marker}.away`);
    expect(await all.load()).toMatchObject({ orphans: 0, partial: 0 });
    expect([disk.state, readdirSync(disk.files.folder)]).toEqual(['quarantined', [makeId(1)]]);
    held.add(makeId(1));
    renameSync(`${marker}.away`, marker);
    await probe(3);
    expect([disk.state, found]).toEqual(['ok', [makeId(1)]]);
  });

  it('that is full comes back when there is room, also where all that it was given is used', async () => {
    const { all, disks, put } = await createDisks([1, 1]);
    const disk = disks[put(1)];
    put(2);
    if (disk === undefined) throw new Error('no disk');
    all.failed(makeId(1), disk, failing('ENOSPC'));
    expect(disk.state).toBe('full');
    await all.look(disk);
    expect(disk.state).toBe('ok');
    expect(all.reserve(makeId(1))).toBe(disk);
  });

  it('that failed and is full is read again, and takes nothing', async () => {
    const { all, disks, put, found, probe } = await createDisks([5, 5]);
    const disk = disks[put(1)];
    if (disk === undefined) throw new Error('no disk');
    all.failed(makeId(1), disk, failing('ENXIO'));
    disk.probe = async () => 'ENOSPC';
    await probe(3);
    expect([disk.state, found, all.of(makeId(1))]).toEqual(['full', [makeId(1)], disk]);
  });

  it('that failed is tried at every look, the others now and then', async () => {
    const { all, disks, clock } = await createDisks([5, 5]);
    const tries = disks.map((disk) => {
      let count = 0;
      disk.look = async () => {};
      disk.probe = async () => {
        count += 1;
        return disk === disks[0] ? 'ENODEV' : undefined;
      };
      return () => count;
    });
    const controller = new AbortController();
    const ended = all.run(controller.signal).catch(() => {});
    await clock.advance(90_000);
    expect(tries.map((count) => count())).toEqual([13, 3]);
    controller.abort();
    await ended;
  });

  it('that hangs while it is looked through again keeps nobody from looking at the others', async () => {
    const { all, disks, clock } = await createDisks([5, 5]);
    const [hanging, other] = disks;
    if (hanging === undefined || other === undefined) throw new Error('no disk');
    all.failed(makeId(1), hanging, failing('ENXIO'));
    hanging.probe = async () => undefined;
    other.probe = async () => undefined;
    hanging.files.removePartial = never;
    let looks = 0;
    other.look = async () => void looks++;
    const controller = new AbortController();
    const ended = all.run(controller.signal).catch(() => {});
    await clock.advance(600_000);
    expect(looks).toBe(120);
    controller.abort();
    await clock.advance(5_000);
    void ended;
  });

  it('has no fault in a download that breaks off', async () => {
    const { all, disks } = await createDisks([5, 5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    all.failed(makeId(1), disk, new ChunkError('download_failed', 'broke off', { cause: 'ENOTCONN' }));
    expect(disk.state).toBe('ok');
  });

  it('is tried once for all who ask meanwhile: one try that hangs is one', async () => {
    const { all, disks, errors } = await createDisks([5, 5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    const gate = Promise.withResolvers<string>();
    disk.probe = async () => await gate.promise;
    for (const n of [1, 2, 3]) all.failed(makeId(n), disk, failing('ENOENT'));
    gate.resolve('timeout');
    await all.probe(disk);
    expect([disk.state, errors]).toEqual(['ok', [expect.stringContaining('slow')]]);
  });

  it('that was slow is cleared, when it is well again, of what was given up meanwhile', async () => {
    const { all, disks } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    const partial = disk.files.partialPath(makeId(1));
    all.failed(makeId(1), disk, slow);
    await disk.files.discard(partial);
    writeFileSync(partial, 'written late');
    const other = disk.files.partialPath(makeId(2));
    writeFileSync(other, 'being written');
    await all.probe(disk);
    expect([existsSync(partial), existsSync(other)]).toEqual([false, true]);
  });

  it('that is full takes nothing until there is room, and nothing on it is lost', async () => {
    const { all, disks, put, lost, errors } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    all.failed(makeId(2), disk, failing('ENOSPC'));
    expect([disk.state, all.chunks, lost, errors]).toEqual(['full', 0, [], ['0 full']]);
    expect(all.of(makeId(1))).toBe(disk);
    await all.look(disk);
    expect([disk.state, all.chunks]).toEqual(['ok', 4]);
  });

  it('that can only be read is read on where there is no other, and takes chunks again when it can be written', async () => {
    const { all, disks, put, lost, probe } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    all.failed(makeId(2), disk, failing('EROFS'));
    await all.look(disk);
    expect([disk.state, disk.reason, all.chunks, lost]).toEqual(['full', 'EROFS', 0, []]);
    expect(all.of(makeId(1))).toBe(disk);
    await probe(1);
    await all.look(disk);
    expect([disk.state, disk.reason, all.chunks]).toEqual(['ok', undefined, 4]);
  });

  it.each<[number, string, number]>([
    [1, 'full', 0],
    [2, 'quarantined', 2],
  ])(
    'that can only be read is read on unless the others have room for all that it has: for %i of two',
    async (room, state, given) => {
      const { all, disks, put, lost } = await createDisks([5, room]);
      const [disk] = disks;
      if (disk === undefined) throw new Error('no disk');
      put(1);
      put(2);
      all.failed(makeId(1), disk, failing('EROFS'));
      expect(disk).toMatchObject({ state, reason: 'EROFS' });
      expect([lost.length, all.of(makeId(1))]).toEqual([given, given === 0 ? disk : undefined]);
    },
  );

  it.each(['ENODEV', 'ENXIO', 'ESTALE'])(
    'that says %s is left alone at once, and its chunks are given up',
    async (code) => {
      // One that can't take a chunk, and is there all the same.
      const { all, disks, put, lost, log } = await createDisks([5, 0]);
      const [disk] = disks;
      if (disk === undefined) throw new Error('no disk');
      put(1);
      put(2);
      all.failed(makeId(1), disk, failing(code));
      expect(disk).toMatchObject({ state: 'quarantined', reason: code });
      expect(lost.sort()).toEqual([makeId(1), makeId(2)]);
      expect(() => all.reserve(makeId(1))).toThrow(expect.objectContaining({ code: 'no_space' }));
      expect(log.messages('error')).toContain('disk failed, and is not used until it works again');
    },
  );

  it.each(['EIO', 'EUCLEAN'])(
    'with one bad chunk is not a bad disk, with three within an hour it is: %s',
    async (code) => {
      const { all, disks, clock } = await createDisks([5, 5]);
      const [disk] = disks;
      if (disk === undefined) throw new Error('no disk');
      for (let n = 0; n < 5; n++) all.failed(makeId(1), disk, failing(code));
      all.failed(makeId(2), disk, failing(code));
      expect(disk.state).toBe('ok');
      await clock.advance(3_600_001);
      all.failed(makeId(3), disk, failing(code));
      expect(disk.state).toBe('ok');
      all.failed(makeId(4), disk, failing(code));
      all.failed(makeId(5), disk, failing(code));
      expect(disk.state).toBe('quarantined');
    },
  );

  it('with many bad chunks is used on where there is no other: they are made again one by one', async () => {
    const { all, disks, put, lost, errors, log } = await createDisks([9]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    for (const n of [1, 2, 3, 4, 5]) put(n);
    for (const n of [1, 2, 3, 4]) all.failed(makeId(n), disk, failing('EIO'));
    expect([disk.state, lost, errors]).toEqual(['ok', [], Array(4).fill('0 io')]);
    expect([all.of(makeId(5)), all.reserve(makeId(1))]).toEqual([disk, disk]);
    expect(log.messages('error')).toContain('disk fails again and again, and is used on: there is no other');
  });

  it.each(['EIO', 'EACCES', 'EPERM'])(
    'whose probe says %s is read on where there is no other, and takes chunks again when it can be written',
    async (code) => {
      const { all, disks, put, lost, probe } = await createDisks([5]);
      const [disk] = disks;
      if (disk === undefined) throw new Error('no disk');
      put(1);
      const well = disk.probe.bind(disk);
      disk.probe = async () => code;
      for (const _ of [1, 2, 3]) await all.probe(disk);
      await all.look(disk);
      expect([disk.state, disk.reason, all.chunks, lost]).toEqual(['full', code, 0, []]);
      expect((await all.load()).present).toEqual(new Set([makeId(1)]));
      disk.probe = well;
      await probe(1);
      await all.look(disk);
      expect([disk.state, disk.reason, all.chunks, lost]).toEqual(['ok', undefined, 4, []]);
    },
  );

  it('that was left alone for its errors is read again when no other works', async () => {
    const { all, disks, put, probe, found } = await createDisks([5, 4]);
    const disk = disks[put(1)];
    const other = disks.find((one) => one !== disk);
    if (disk === undefined || other === undefined) throw new Error('no disk');
    disk.probe = async () => 'EIO';
    await probe(4);
    expect(disk.state).toBe('quarantined');
    all.failed(makeId(2), other, failing('ENXIO'));
    other.probe = async () => 'ENXIO';
    await probe(3);
    expect([disk.state, disk.reason, found, all.of(makeId(1))]).toEqual(['full', 'EIO', [makeId(1)], disk]);
  });

  it('that is slow at the start is used', async () => {
    const { all, disks, put, errors, lost } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    disk.probe = async () => 'timeout';
    expect((await all.load()).present).toEqual(new Set([makeId(1)]));
    expect([disk.state, all.chunks, errors, lost]).toEqual(['ok', 4, ['0 slow'], []]);
  });

  it('that hangs at the start is left out, after a while', async () => {
    const { all, disks, clock } = await createDisks([5, 5]);
    const [hanging, well] = disks;
    if (hanging === undefined || well === undefined) throw new Error('no disk');
    hanging.probe = async () => 'timeout';
    hanging.files.list = never;
    const loaded = all.load();
    await clock.advance(60_000);
    await loaded;
    expect([hanging.state, well.state]).toEqual(['quarantined', 'ok']);
  });

  it.each(['EIO', 'EUCLEAN', 'EPERM', 'EDQUOT'])(
    'that deletes nothing (%s) is used all the same, at the start and when it comes back',
    async (code) => {
      const { all, disks, put, probe, log } = await createDisks([5]);
      const [disk] = disks;
      if (disk === undefined) throw new Error('no disk');
      put(1);
      writeFileSync(disk.files.path(makeId(2)), 'nobody has it');
      const refuse = async () => await Promise.reject(errorOf(code));
      disk.files.remove = refuse;
      disk.files.removePartial = refuse;
      expect(await all.load()).toEqual({ present: new Set([makeId(1)]), partial: 0, orphans: 0 });
      expect([disk.state, log.messages('warn')]).toEqual(['ok', ['disk not cleared']]);
      all.failed(makeId(1), disk, failing('ENXIO'));
      await probe(3);
      expect([disk.state, all.of(makeId(1)), all.of(makeId(2))]).toEqual(['ok', disk, undefined]);
    },
  );

  it('that hangs when something is to be deleted is asked once, and used all the same', async () => {
    const { all, disks, put, clock } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    for (const n of [2, 3, 4]) writeFileSync(disk.files.path(makeId(n)), 'nobody has it');
    let asked = 0;
    disk.files.remove = async () => {
      asked += 1;
      return await never();
    };
    const loaded = all.load();
    // The disk is really asked whose it is first: until that has come to the deletion.
    while (asked === 0) await disk.probe();
    await clock.advance(30_000);
    expect((await loaded).present).toEqual(new Set([makeId(1)]));
    expect([asked, disk.state]).toEqual([1, 'ok']);
  });

  it('that comes back does not wait for another that hangs: the copy that is known there stays', async () => {
    const { all, disks, put, found, clock } = await createDisks([5, 5]);
    const back = disks[put(1)];
    const hanging = disks.find((one) => one !== back);
    if (back === undefined || hanging === undefined) throw new Error('no disk');
    const own = [2, 3, 4, 5].filter((n) => disks[put(n)] === back).map(makeId);
    all.failed(makeId(9), back, failing('ENXIO'));
    for (const id of [makeId(1), ...own]) {
      writeFileSync(hanging.files.path(id), 'x');
      all.reserve(id);
      all.stored(id, hanging);
    }
    let asked = 0;
    back.files.isNewer = async () => {
      asked += 1;
      return await never();
    };
    back.probe = async () => undefined;
    for (const _ of [1, 2]) await all.probe(back);
    const probed = all.probe(back);
    while (asked === 0) await hanging.probe();
    await clock.advance(30_000);
    await probed;
    expect([back.state, asked, found]).toEqual(['ok', 1, []]);
    for (const id of [makeId(1), ...own]) {
      expect([all.of(id), existsSync(back.files.path(id))]).toEqual([hanging, true]);
    }
  });

  it('that is slow three times in a row is left alone, unless it is the last one', async () => {
    const { all, disks } = await createDisks([5, 5]);
    const [a, b] = disks;
    if (a === undefined || b === undefined) throw new Error('no disk');
    for (const n of [1, 2]) all.failed(makeId(n), a, slow);
    all.worked(makeId(9), a);
    for (const n of [1, 2]) all.failed(makeId(n), a, slow);
    expect(a.state).toBe('ok');
    all.failed(makeId(3), a, slow);
    expect(a.state).toBe('quarantined');
    for (let n = 0; n < 10; n++) all.failed(makeId(n), b, slow);
    expect(b.state).toBe('ok');
  });

  it('whose chunk is too slow three times in a row, while others were quick in between, has that chunk made again', async () => {
    const { all, disks, put, lost, log } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    put(2);
    const isSlow = () => all.failed(makeId(1), disk, slow);
    for (const worked of [2, 1, 2, 2]) {
      isSlow();
      all.worked(makeId(worked), disk);
    }
    expect(lost).toEqual([]);
    isSlow();
    expect([lost, disk.state]).toEqual([[makeId(1)], 'ok']);
    expect(log.messages('error')).toEqual(['chunk too slow again and again, making it again']);
    expect(all.reserve(makeId(1))).toBe(disk);
    all.stored(makeId(1), disk);
    isSlow();
    expect(lost).toHaveLength(1);
  });

  it('that is slow with everything has no chunk made again for it', async () => {
    const { all, disks, put, lost } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    put(1);
    put(2);
    for (let n = 0; n < 10; n++) for (const each of [1, 2]) all.failed(makeId(each), disk, slow);
    expect(lost).toEqual([]);
  });

  it('whose probe takes too long three times in a row is left alone, unless it is the last one', async () => {
    const { all, disks } = await createDisks([5, 5]);
    const [a, b] = disks;
    if (a === undefined || b === undefined) throw new Error('no disk');
    for (const disk of disks) disk.probe = async () => 'timeout';
    for (const _ of [1, 2]) await all.probe(a);
    expect(a.state).toBe('ok');
    await all.probe(a);
    expect(a.state).toBe('quarantined');
    for (let n = 0; n < 10; n++) await all.probe(b);
    expect(b.state).toBe('ok');
  });

  it('is not blamed for what this process has run out of', async () => {
    const { all, disks, errors } = await createDisks([5, 5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    disk.probe = async () => 'EMFILE';
    for (let n = 0; n < 5; n++) await all.probe(disk);
    expect([disk.state, errors]).toEqual(['ok', []]);
  });

  it.each(['probe', 'list'])(
    'that this process has no file handle left for is not left out at a start: %s',
    async (what) => {
      const { all, disks, held, put } = await createDisks([5, 5]);
      put(1);
      const [disk] = disks;
      if (disk === undefined) throw new Error('no disk');
      if (what === 'probe') disk.probe = async () => 'EMFILE';
      else disk.files.list = async () => await Promise.reject(errorOf('EMFILE'));
      await expect(all.load()).rejects.toMatchObject({ code: 'exhausted', message: expect.stringContaining('ulimit') });
      expect([disk.state, held.size]).toEqual(['ok', 1]);
    },
  );

  it('that failed while a chunk was written there is not believed to have it', async () => {
    const { all, disks, held, probe } = await createDisks([5, 1]);
    const place = all.reserve(makeId(1));
    held.add(makeId(1));
    all.failed(makeId(2), place, failing('ENXIO'));
    writeFileSync(place.files.path(makeId(1)), 'x');
    all.stored(makeId(1), place);
    expect([disks.indexOf(place), all.of(makeId(1)), place.ids.size, place.reserved]).toEqual([0, undefined, 0, 0]);
    await probe(3);
    expect(all.of(makeId(1))).toBe(place);
  });

  it('that is not there any more is noticed by a chunk that is missing, and by its probe', async () => {
    const one = await createDisks([5, 5]);
    one.put(1);
    const disk = one.all.of(makeId(1));
    if (disk === undefined) throw new Error('no disk');
    renameSync(disk.path, `${disk.path}-away`);
    mkdirSync(disk.path);
    one.all.failed(makeId(1), disk, failing('ENOENT'));
    // The failure has begun a probe: this waits for the same one.
    await disk.probe();
    expect([disk.state, one.lost]).toEqual(['quarantined', [makeId(1)]]);
    const two = await createDisks([5]);
    rmSync(join(two.disks[0]?.path ?? '', 'downstream.json'));
    await two.probe(1);
    expect(two.disks[0]).toMatchObject({ state: 'quarantined', reason: 'not mounted, or another disk' });
  });

  it('that hangs holds up nothing but its own probe', async () => {
    const { all, disks } = await createDisks([5, 5]);
    const [hanging, well] = disks;
    if (hanging === undefined || well === undefined) throw new Error('no disk');
    const marker = join(hanging.path, 'downstream.json');
    rmSync(marker);
    // Opening a pipe that nobody writes to hangs as a file on a lost network mount does.
    execFileSync('mkfifo', [marker]);
    const probe = all.probe(hanging);
    await all.probe(well);
    expect(well.state).toBe('ok');
    const release = await open(marker, 'r+');
    await release.close();
    await probe;
    expect(hanging.state).toBe('quarantined');
  });

  it('whose chunk alone is missing is well', async () => {
    const { all, disks } = await createDisks([5]);
    const [disk] = disks;
    if (disk) all.failed(makeId(1), disk, failing('ENOENT'));
    expect(await disk?.probe()).toBeUndefined();
    expect(disk?.state).toBe('ok');
  });

  it('comes back by itself when it has worked for a while, with the chunks that are still wanted there', async () => {
    const { all, disks, put, probe, found, held } = await createDisks([5, 5]);
    const [a, b] = disks;
    if (a === undefined || b === undefined) throw new Error('no disk');
    for (const n of [1, 2, 3, 4, 5, 6]) put(n);
    const onA = [...held].filter((id) => all.of(id) === a);
    const [elsewhere = '', ended = '', still = ''] = onA;
    renameSync(a.path, `${a.path}-away`);
    await probe(1);
    expect(a.state).toBe('quarantined');
    const place = all.reserve(elsewhere);
    writeFileSync(place.files.path(elsewhere), 'x');
    all.stored(elsewhere, place);
    held.delete(ended);
    await probe(3);
    expect(a.state).toBe('quarantined');
    renameSync(`${a.path}-away`, a.path);
    await probe(2);
    expect(a.state).toBe('quarantined');
    await probe(1);
    expect([a.state, a.reason]).toEqual(['ok', undefined]);
    expect(found).toEqual([still]);
    expect([all.of(still), all.of(elsewhere)]).toEqual([a, b]);
    expect(readdirSync(a.files.folder)).toEqual([still]);
    expect(a.probeSeconds).toBeGreaterThanOrEqual(0);
  });

  it('whose folder of chunks is gone makes it again, and takes chunks', async () => {
    const { disks, put, probe } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    rmSync(disk.files.folder, { recursive: true });
    await probe(1);
    put(1);
    expect([disk.state, readdirSync(disk.files.folder)]).toEqual(['ok', [makeId(1)]]);
  });

  it('whose folder of chunks can not be written is no good, though the rest of it can', async () => {
    const { all, disks } = await createDisks([5, 5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    rmSync(disk.files.folder, { recursive: true });
    writeFileSync(disk.files.folder, 'a file in its place');
    await all.probe(disk);
    expect(disk.state).toBe('quarantined');
  });

  it('that is another one gets no folder of chunks', async () => {
    const { all, disks } = await createDisks([5]);
    const [disk] = disks;
    if (disk === undefined) throw new Error('no disk');
    rmSync(disk.path, { recursive: true });
    mkdirSync(disk.path);
    await all.probe(disk);
    expect([disk.state, readdirSync(disk.path)]).toEqual(['quarantined', []]);
  });
});
