import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { claimChunkFolder } from '../../src/chunks/chunk-folder-owner.ts';
import { assertStateExists, assertStateIsFirst, openDiskFolders, prepareDataDir } from '../../src/chunks/data-dir.ts';
import { readMarker, writeMarker } from '../../src/chunks/disk-marker.ts';
import { ProbeError } from '../../src/chunks/folder-probe.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'data-dir-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const path = (name: string) => join(root, name);
const createFolder = (name: string, ...files: string[]) => {
  mkdirSync(path(name));
  for (const file of files) writeFileSync(join(path(name), file), '');
  return path(name);
};
/** Replaces a folder by one with these files. */
const replaceFolder = (name: string, ...files: string[]) => {
  rmSync(path(name), { recursive: true });
  createFolder(name, ...files);
};
const error = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('prepareDataDir', () => {
  it('creates a missing directory only with --init, for its owner alone', async () => {
    const resolved = path('a/b');
    for (const text of [`${resolved} does not exist`, '--init', 'check the path'])
      await expect(prepareDataDir(resolved, { init: false })).rejects.toThrow(error('empty', text));
    expect(readdirSync(root)).toEqual([]);
    expect(await prepareDataDir(resolved, { init: true })).toBe(true);
    expect(statSync(resolved).mode & 0o777).toBe(0o700);
  });

  it.each<[string, string[]]>([
    ['is empty', []],
    ['has only what file systems create', ['lost+found']],
    ['has only a genesis file', ['genesis']],
    ['has only a partial marker after a power failure', ['downstream.json.partial']],
  ])('accepts a directory that %s only with --init, since its disk may not be mounted', async (_, files) => {
    const folder = createFolder('a', ...files);
    await expect(prepareDataDir(folder, { init: false })).rejects.toThrow(error('empty', '--init'));
    await expect(prepareDataDir(folder, { init: false })).rejects.toThrow(error('empty', 'not mounted'));
    expect(await prepareDataDir(folder, { init: true })).toBe(true);
  });

  it('refuses a directory with other files, even with --init, and does not change it', async () => {
    const folder = createFolder('a', 'thesis.txt');
    for (const init of [false, true])
      await expect(prepareDataDir(folder, { init })).rejects.toThrow(error('foreign', 'thesis.txt'));
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  it.each(['state.db', 'state.replica.db', 'downstream.json'])('accepts a directory with %s', async (file) => {
    expect(await prepareDataDir(createFolder('a', file), { init: false })).toBe(false);
  });

  it.each([
    ['no free space', 'ENOSPC', 0],
    ['quota or another limit of the file system reached', 'ENOSPC', 1e9],
    ['disk quota used up', 'EDQUOT', 0],
  ])('refuses a directory that cannot be written because of: %s', async (reason, code, freeBytes) => {
    const probeState = () => {
      throw new ProbeError(code, 'creating a database failed');
    };
    const readSpace = async () => ({ sizeBytes: statSync(path('a')).size, freeBytes });
    await expect(prepareDataDir(path('a'), { init: true, probeState, readSpace })).rejects.toMatchObject({
      code: 'unusable',
      message: `the data directory ${path('a')} cannot be written: ${reason}`,
    });
    expect(readdirSync(root)).toEqual([]);
  });

  it('reports a directory that it cannot create, with the setting to check', async () => {
    writeFileSync(path('file'), '');
    await expect(prepareDataDir(path('file/a'), { init: true })).rejects.toThrow(
      error('inaccessible', 'FARMER_DATA_DIR'),
    );
  });
});

describe('assertStateExists', () => {
  it('refuses a marked directory without state, since the farmer would release all contracts', async () => {
    const folder = createFolder('a');
    await writeMarker(folder, { farm: 'farm', disk: 'disk' });
    await expect(assertStateExists(folder)).rejects.toThrow(error('state_lost', 'backup'));
    writeFileSync(join(folder, 'state.replica.db'), '');
    await expect(assertStateExists(folder)).resolves.toBeUndefined();
  });
});

describe('assertStateIsFirst', () => {
  it.each(['state.db', 'state.replica.db'])(
    'says where %s is if the directories are listed in another order',
    async (file) => {
      const [a, b, c] = [createFolder('a', 'downstream.json'), createFolder('b'), createFolder('c', file)];
      await expect(assertStateIsFirst([a, b, c])).rejects.toThrow(
        error('state_misplaced', `is in ${c}, not in ${a}: list ${c} first in FARMER_DATA_DIR`),
      );
      await expect(assertStateIsFirst([c, a, b])).resolves.toBeUndefined();
      await expect(assertStateIsFirst([a, b])).resolves.toBeUndefined();
    },
  );
});

describe('openDiskFolders', () => {
  const folders = (...names: string[]) => names.map((name) => ({ path: path(name), sizeBytes: 1 }));
  const options = { farmId: 'farm', init: false, known: new Map<string, string>() };
  const toKnown = (opened: readonly { diskId: string; path: string }[]) =>
    new Map(opened.map(({ diskId, path: at }) => [diskId, at]));

  it('marks new directories and recognizes them later', async () => {
    createFolder('stateDir', 'state.db');
    const first = await openDiskFolders(folders('stateDir', 'b'), { ...options, init: true });
    for (const { path: at, diskId } of first) expect(await readMarker(at)).toMatchObject({ disk: diskId });
    expect(statSync(join(path('b'), 'downstream.json')).mode & 0o777).toBe(0o600);
    expect(await openDiskFolders(folders('stateDir', 'b'), { ...options, known: toKnown(first) })).toEqual(first);
  });

  it.each<[string, () => unknown]>([
    ['is an empty mount point', () => replaceFolder('b')],
    ['belongs to another farmer', async () => await writeMarker(path('b'), { farm: 'another', disk: 'disk' })],
    ['contains other files', () => replaceFolder('b', 'x')],
    [
      'has an unreadable marker',
      () => {
        replaceFolder('b');
        mkdirSync(join(path('b'), 'downstream.json'));
      },
    ],
    ['has an invalid marker', () => writeFileSync(join(path('b'), 'downstream.json'), '{"format":2}')],
  ])('returns a known disk that %s with its fault, and does not change it', async (_, damage) => {
    createFolder('stateDir', 'state.db');
    const known = toKnown(await openDiskFolders(folders('stateDir', 'b'), { ...options, init: true }));
    await damage();
    const before = readdirSync(path('b'));
    const [stateDir, b] = await openDiskFolders(folders('stateDir', 'b'), { ...options, init: true, known });
    expect({ stateDir: stateDir?.fault, b: b?.fault }).toEqual({ stateDir: undefined, b: expect.any(String) });
    expect(known.has(b?.diskId ?? '')).toBe(true);
    expect(readdirSync(path('b'))).toEqual(before);
  });

  it('recreates the marker of the first directory after a damaged one was deleted, as the error advises', async () => {
    const stateDir = createFolder('stateDir', 'state.db');
    createFolder('stateDir/chunks');
    const known = toKnown(await openDiskFolders(folders('stateDir'), options));
    const marker = join(stateDir, 'downstream.json');
    writeFileSync(marker, '');
    await expect(assertStateExists(stateDir)).rejects.toThrow(error('foreign', 'delete it'));
    await expect(openDiskFolders(folders('stateDir'), { ...options, known })).rejects.toThrow(
      error('foreign', 'delete it'),
    );
    rmSync(marker);
    await prepareDataDir(stateDir, { init: false });
    await assertStateExists(stateDir);
    const [after] = await openDiskFolders(folders('stateDir'), { ...options, known });
    expect(await readMarker(stateDir)).toEqual({ format: 1, farm: 'farm', disk: after?.diskId });
    expect(readdirSync(stateDir).sort()).toEqual(['chunks', 'downstream.json', 'state.db']);
  });

  it('keeps the identity of a disk whose marker was lost, since its chunk folder has it too', async () => {
    const stateDir = createFolder('stateDir', 'state.db');
    const [before] = await openDiskFolders(folders('stateDir'), options);
    await claimChunkFolder(join(stateDir, 'chunks'), { farm: 'farm', disk: before?.diskId ?? '' });
    rmSync(join(stateDir, 'downstream.json'));
    expect(await openDiskFolders(folders('stateDir'), options)).toEqual([before]);
  });

  it.each<[string, (chunks: string) => unknown]>([
    ['a link to the chunks of another farmer', (chunks) => symlinkSync(path('other/chunks'), chunks)],
    ['a link to a folder without a marker', (chunks) => symlinkSync(root, chunks)],
    ['a link to nothing', (chunks) => symlinkSync(path('absent'), chunks)],
    ['mounted from another farmer', (chunks) => cpSync(path('other/chunks'), chunks, { recursive: true })],
    ['a file', (chunks) => writeFileSync(chunks, '')],
  ])('refuses a first directory whose chunk folder is %s, and returns the fault of another disk', async (_, create) => {
    createFolder('other');
    await claimChunkFolder(path('other/chunks'), { farm: 'another', disk: 'disk' });
    createFolder('stateDir', 'state.db');
    const known = toKnown(await openDiskFolders(folders('stateDir', 'b'), { ...options, init: true }));
    await create(path('b/chunks'));
    const opened = await openDiskFolders(folders('stateDir', 'b'), { ...options, known });
    expect(opened.map(({ fault }) => fault)).toEqual([undefined, 'foreign']);
    await create(path('stateDir/chunks'));
    await expect(openDiskFolders(folders('stateDir'), options)).rejects.toThrow(
      error('foreign', 'set FARMER_DATA_DIR'),
    );
    expect(readdirSync(path('other/chunks'))).toEqual(['downstream.json']);
  });

  it('advises to keep the chunk folder of another farmer or disk', async () => {
    createFolder('stateDir', 'state.db');
    await claimChunkFolder(path('stateDir/chunks'), { farm: 'another', disk: 'disk' });
    await expect(openDiskFolders(folders('stateDir'), options)).rejects.toThrow(
      error('foreign', 'unmount it, or move it away, but do not delete it'),
    );
  });

  it('does not create a missing directory of a known disk', async () => {
    createFolder('stateDir', 'state.db');
    const first = await openDiskFolders(folders('stateDir', 'b'), { ...options, init: true });
    rmSync(path('b'), { recursive: true });
    const known = toKnown(first);
    const [, b] = await openDiskFolders(folders('stateDir', 'b'), { ...options, init: true, known });
    expect(b).toEqual({ ...first[1], fault: 'not mounted, or a new disk' });
    expect(existsSync(path('b'))).toBe(false);
  });

  it('refuses a foreign first directory, and a new directory that is foreign or empty', async () => {
    createFolder('stateDir', 'state.db');
    await writeMarker(path('stateDir'), { farm: 'another', disk: 'disk' });
    await expect(openDiskFolders(folders('stateDir'), options)).rejects.toMatchObject({ code: 'foreign' });
    await writeMarker(path('stateDir'), { farm: 'farm', disk: 'disk' });
    createFolder('b', 'thesis.txt');
    await expect(openDiskFolders(folders('stateDir', 'b'), options)).rejects.toMatchObject({ code: 'foreign' });
    createFolder('d', 'state.db');
    await expect(openDiskFolders(folders('stateDir', 'd'), options)).rejects.toMatchObject({ code: 'foreign' });
    createFolder('c');
    await expect(openDiskFolders(folders('stateDir', 'c'), options)).rejects.toMatchObject({ code: 'empty' });
    expect(existsSync(join(path('c'), 'downstream.json'))).toBe(false);
  });

  it('refuses two directories on the same disk', async () => {
    createFolder('stateDir', 'state.db');
    await expect(openDiskFolders(folders('stateDir', 'stateDir'), options)).rejects.toMatchObject({
      code: 'duplicate',
    });
  });
});
