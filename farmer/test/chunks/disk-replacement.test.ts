import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readMarker, writeMarker } from '../../src/chunks/disk-marker.ts';
import { DiskReplacement } from '../../src/chunks/disk-replacement.ts';
import { makeId } from '../fakes/builders.ts';
import { aChunk, createContent, createDisks } from '../fakes/fake-disks.ts';

const SEPARATE = { allowSharedFileSystem: false };
const SHARED = { allowSharedFileSystem: true };
const refusal = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });

/** Three disks, the second of which is dead: its directory is empty. */
async function createFarm() {
  const parts = await createDisks([5, 5, 5]);
  const { disks, disk } = parts;
  const saved: ReadonlyMap<string, string>[] = [];
  const farmId = (await readMarker(disk(0).path))?.farm ?? '';
  const replacement = new DiskReplacement({ farmId, disks, saveDisks: (known) => saved.push(known) });
  const { path } = disk(1);
  renameSync(path, `${path}.dead`);
  mkdirSync(path);
  await disks.probe(disk(1));
  return { ...parts, replacement, farmId, path, dead: disk(1), saved };
}

describe('DiskReplacement', () => {
  it('uses a new disk in the directory of a dead one at once, and stores which it is', async () => {
    const { replacement, path, dead, disks, saved, disk, countFree } = await createFarm();
    expect(dead.reason).toBe('not mounted, or a new disk');
    await replacement.replace(path, SHARED);
    expect({ state: dead.state.kind, chunks: countFree() }).toEqual({ state: 'ok', chunks: 15 });
    const marker = await readMarker(path);
    expect(marker?.disk).not.toBe('disk 1');
    expect(saved).toEqual([
      new Map([
        ['disk 0', disk(0).path],
        [marker?.disk, path],
        ['disk 2', disk(2).path],
      ]),
    ]);
    expect(disks.reserve(aChunk(makeId(1))).isUsable).toBe(true);
  });

  it('refuses a disk that is merely not mounted, and changes nothing', async () => {
    const { replacement, path, dead, saved } = await createFarm();
    for (const attempt of [replacement.check(path, SEPARATE), replacement.replace(path, SEPARATE)])
      await expect(attempt).rejects.toThrow(refusal('not_mounted', 'probably not mounted'));
    rmSync(path, { recursive: true });
    await expect(replacement.replace(path, SEPARATE)).rejects.toThrow(refusal('not_mounted'));
    expect({ state: dead.state.kind, id: dead.id, saved }).toEqual({ state: 'quarantined', id: 'disk 1', saved: [] });
    rmSync(`${path}.dead`, { recursive: true });
  });

  it('changes nothing in a check', async () => {
    const { replacement, path, dead } = await createFarm();
    expect((await replacement.check(path, SHARED)).sizeBytes).toBeGreaterThan(0);
    expect({ files: readdirSync(path), id: dead.id }).toEqual({ files: [], id: 'disk 1' });
  });

  it('uses the old disk again if it returns after it was replaced', async () => {
    const { replacement, path, dead, disks, held, found } = await createFarm();
    await replacement.replace(path, SHARED);
    renameSync(path, `${path}.new`);
    renameSync(`${path}.dead`, path);
    held.add(makeId(7));
    writeFileSync(dead.files.path(makeId(7)), createContent());
    await disks.probe(dead);
    expect(dead.reason).toBe('a different disk');
    await replacement.replace(path, SEPARATE);
    expect({ state: dead.state.kind, id: dead.id, found }).toEqual({ state: 'ok', id: 'disk 1', found: [makeId(7)] });
  });

  it('leaves a new disk in quarantine while it cannot store a chunk', async () => {
    const { replacement, path, dead, countFree } = await createFarm();
    dead.probe = async () => ({ kind: 'io', reason: 'EIO' });
    await replacement.replace(path, SHARED);
    expect({ state: dead.state.kind, reason: dead.reason }).toEqual({ state: 'quarantined', reason: 'EIO' });
    expect(countFree()).toBe(10);
  });

  it.each<[string, string, string, (path: string, farm: string) => unknown]>([
    [
      'that still has the old disk',
      'not_replaced',
      'by itself',
      async (path, farm) => await writeMarker(path, { farm, disk: 'disk 1' }),
    ],
    [
      'that has the disk of another directory',
      'duplicate',
      'contains the disk of',
      async (path, farm) => await writeMarker(path, { farm, disk: 'disk 2' }),
    ],
    [
      'of another farmer',
      'foreign',
      'another farmer',
      async (path) => await writeMarker(path, { farm: 'another', disk: 'disk' }),
    ],
    ['with other files', 'foreign', 'thesis.txt', (path) => writeFileSync(join(path, 'thesis.txt'), '')],
  ])('refuses a directory %s', async (_, code, text, prepare) => {
    const { replacement, path, dead, farmId } = await createFarm();
    await prepare(path, farmId);
    await expect(replacement.replace(path, SHARED)).rejects.toThrow(refusal(code, text));
    expect(dead.id).toBe('disk 1');
  });

  it('refuses the first directory, one that is in use, and one that is not configured', async () => {
    const { replacement, disk } = await createFarm();
    await expect(replacement.check(disk(0).path, SHARED)).rejects.toThrow(refusal('first', 'Replace the first disk'));
    await expect(replacement.check(disk(2).path, SHARED)).rejects.toThrow(refusal('in_use', 'quarantined'));
    await expect(replacement.check('/elsewhere', SHARED)).rejects.toThrow(refusal('unknown', disk(2).path));
  });
});
