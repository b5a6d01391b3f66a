import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  assertStateExists,
  openDiskFolders,
  prepareDataDir,
  readMarker,
  writeMarker,
} from '../../src/chunks/data-dir.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'data-folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const path = (name: string) => join(root, name);
const aFolder = (name: string, ...files: string[]) => {
  mkdirSync(path(name));
  for (const file of files) writeFileSync(join(path(name), file), '');
  return path(name);
};
const refusal = (code: string, says: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(says) });

describe('a data directory', () => {
  it('that is not there is made, for its owner alone, unless what should hold it may not be mounted', async () => {
    await expect(prepareDataDir(path('a/b'), { init: false })).rejects.toThrow(refusal('empty', 'is not there'));
    await prepareDataDir(path('a/b'), { init: true });
    await prepareDataDir(path('a/c'), { init: false });
    expect(statSync(path('a/b')).mode & 0o777).toBe(0o700);
  });

  it.each<[string, string[]]>([
    ['is empty', []],
    ['has nothing but what every file system has', ['lost+found']],
    ['has nothing but a genesis file that was put there beforehand', ['genesis']],
    ['was being marked when the power failed', ['downstream.json.partial']],
  ])('that %s may be a disk that is not mounted: it is begun in only when that is wanted', async (_, files) => {
    const folder = aFolder('a', ...files);
    await expect(prepareDataDir(folder, { init: false })).rejects.toThrow(refusal('empty', '--init'));
    await expect(prepareDataDir(folder, { init: false })).rejects.toThrow(refusal('empty', 'not mounted'));
    await expect(prepareDataDir(folder, { init: true })).resolves.toBeUndefined();
  });

  it('that holds other things is refused, also with --init, and left as it is', async () => {
    const folder = aFolder('a', 'thesis.txt');
    for (const init of [false, true])
      await expect(prepareDataDir(folder, { init })).rejects.toThrow(refusal('foreign', 'thesis.txt'));
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  it.each(['state.db', 'state.replica.db', 'downstream.json'])('that was begun in is known by its %s', async (file) => {
    await expect(prepareDataDir(aFolder('a', file), { init: false })).resolves.toBeUndefined();
  });

  it('that can not be made is refused with what to do', async () => {
    writeFileSync(path('file'), '');
    await expect(prepareDataDir(path('file/a'), { init: false })).rejects.toThrow(
      refusal('not_writable', 'FARMER_DATA_DIR'),
    );
  });

  it('whose state is gone is not begun anew: all contracts would be given up', async () => {
    const folder = aFolder('a');
    await writeMarker(folder, 'farm');
    await expect(assertStateExists(folder)).rejects.toThrow(refusal('state_lost', 'backup'));
    writeFileSync(join(folder, 'state.replica.db'), '');
    await expect(assertStateExists(folder)).resolves.toBeUndefined();
  });
});

describe('the folders of several disks', () => {
  const config = (...names: string[]) => names.map((name) => ({ path: path(name), sizeBytes: 1 }));
  const options = { farmId: 'farm', init: false, known: new Map<string, string>() };

  it('are marked once, and known again', async () => {
    aFolder('home', 'state.db');
    const first = await openDiskFolders(config('home', 'b'), options);
    for (const { path: at, diskId } of first) expect(await readMarker(at)).toMatchObject({ disk: diskId });
    expect(statSync(join(path('b'), 'downstream.json')).mode & 0o777).toBe(0o600);
    const known = new Map(first.map(({ diskId, path: at }) => [diskId, at]));
    expect(await openDiskFolders(config('home', 'b'), { ...options, known })).toEqual(first);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['is not mounted', async () => emptied('b')],
    ['is gone, with an empty one in its place', async () => emptied('b')],
    ['belongs to another farmer', async () => await writeMarker(path('b'), 'another')],
    ['holds other things', async () => emptied('b', 'x')],
    [
      'can not say whose it is',
      async () => {
        emptied('b');
        mkdirSync(join(path('b'), 'downstream.json'));
      },
    ],
    ['says what no farmer says', async () => writeFileSync(join(path('b'), 'downstream.json'), '{"format":2}')],
  ])('stay useful where a disk that was farmed on %s: it is told, not written to', async (_, befalls) => {
    aFolder('home', 'state.db');
    const known = new Map(
      (await openDiskFolders(config('home', 'b'), options)).map(({ diskId, path: at }) => [diskId, at]),
    );
    await befalls();
    const before = readdirSync(path('b'));
    const [home, b] = await openDiskFolders(config('home', 'b'), { ...options, init: true, known });
    expect([home?.fault, typeof b?.fault]).toEqual([undefined, 'string']);
    expect(known.has(b?.diskId ?? '')).toBe(true);
    expect(readdirSync(path('b'))).toEqual(before);
  });

  it('can have the mark of the first one removed where it is damaged, as the refusal says: it is written again', async () => {
    const home = aFolder('home', 'state.db', 'chunks');
    const [before] = await openDiskFolders(config('home'), options);
    const mark = join(home, 'downstream.json');
    writeFileSync(mark, '');
    const known = new Map([[before?.diskId ?? '', home]]);
    await expect(assertStateExists(home)).rejects.toThrow(refusal('foreign', 'remove it'));
    await expect(openDiskFolders(config('home'), { ...options, known })).rejects.toThrow(
      refusal('foreign', 'remove it'),
    );
    rmSync(mark);
    await prepareDataDir(home, { init: false });
    await assertStateExists(home);
    const [after] = await openDiskFolders(config('home'), { ...options, known });
    expect(await readMarker(home)).toEqual({ format: 1, farm: 'farm', disk: after?.diskId });
    expect(readdirSync(home).sort()).toEqual(['chunks', 'downstream.json', 'state.db']);
  });

  it('are never made anew where a disk that was farmed on is not there', async () => {
    aFolder('home', 'state.db');
    const first = await openDiskFolders(config('home', 'b'), options);
    const known = new Map(first.map(({ diskId, path: at }) => [diskId, at]));
    rmSync(path('b'), { recursive: true });
    const [, b] = await openDiskFolders(config('home', 'b'), { ...options, init: true, known });
    expect(b).toEqual({ ...first[1], fault: 'empty' });
    expect(existsSync(path('b'))).toBe(false);
  });

  it('are refused where the first is not ours, or a new one holds other things', async () => {
    aFolder('home', 'state.db');
    await writeMarker(path('home'), 'another');
    await expect(openDiskFolders(config('home'), options)).rejects.toMatchObject({ code: 'foreign' });
    await writeMarker(path('home'), 'farm');
    aFolder('b', 'thesis.txt');
    await expect(openDiskFolders(config('home', 'b'), options)).rejects.toMatchObject({ code: 'foreign' });
    aFolder('d', 'state.db');
    await expect(openDiskFolders(config('home', 'd'), options)).rejects.toMatchObject({ code: 'foreign' });
    aFolder('c');
    await expect(openDiskFolders(config('home', 'c'), options)).rejects.toMatchObject({ code: 'empty' });
    expect(existsSync(join(path('c'), 'downstream.json'))).toBe(false);
  });
});

function emptied(name: string, ...files: string[]): void {
  rmSync(path(name), { recursive: true });
  aFolder(name, ...files);
}
