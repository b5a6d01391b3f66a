import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { waitAtMost } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { ChunkFolder, HASH } from '../fakes/chunk-folder.ts';

const folder = new ChunkFolder();

describe('ChunkFiles', () => {
  it.each(['../../etc/passwd', '', 'x'.repeat(10_000_000), `${HASH}/`, HASH.toUpperCase()])(
    'rejects a name that is not a hash',
    async (name) => {
      expect(() => folder.createFiles().path(name)).toThrow(RangeError);
    },
  );

  it('leaves threads for other files while the disk hangs', async () => {
    const files = folder.createFiles();
    const partials = [1, 2, 3, 4].map(() => files.partialPath(HASH));
    // Opening a pipe without a writer hangs like a file on a lost network mount.
    for (const path of partials) execFileSync('mkfifo', [path]);
    const commits = Promise.allSettled(partials.map(async (path) => await files.commit(path, HASH)));
    try {
      await expect(waitAtMost(2_000, stat(folder.path))).resolves.toBeDefined();
    } finally {
      const writers = partials.map((path) => openSync(path, 'r+'));
      await commits;
      for (const writer of writers) closeSync(writer);
    }
  });

  it('does not list partial files, and deletes those of a previous run', async () => {
    const files = folder.createFiles();
    const previous = folder.createFiles();
    writeFileSync(files.partialPath(HASH), 'being written');
    for (const path of [previous.partialPath(HASH), previous.partialPath(HASH)]) writeFileSync(path, 'half');
    expect(await files.list()).toEqual(new Set());
    expect(await files.removePartial(() => {})).toBe(1);
    expect(folder.names()).toHaveLength(1);
  });

  it('deletes the other partial files if one cannot be deleted', async () => {
    const files = folder.createFiles();
    const previous = folder.createFiles();
    const undeletable = previous.partialPath('0'.repeat(64));
    mkdirSync(undeletable);
    writeFileSync(previous.partialPath(HASH), 'half');
    const failures: unknown[] = [];
    expect(await files.removePartial((error) => failures.push(error))).toBe(1);
    expect(folder.names()).toEqual([basename(undeletable)]);
    expect(failures).toEqual([expect.objectContaining({ code: 'ENOTFILE' })]);
  });

  it.each<[string, (path: string) => void]>([
    [
      'directory',
      (path) => {
        mkdirSync(path);
        writeFileSync(`${path}/thesis.txt`, 'text');
      },
    ],
    ['link', (path) => symlinkSync(folder.genesis, path)],
  ])('never deletes a %s with the name of a chunk, and sets it aside to store the chunk', async (_, create) => {
    const files = folder.createFiles();
    create(files.path(HASH));
    expect(await files.list()).toEqual(new Set());
    await files.remove(HASH);
    expect(folder.names()).toEqual([HASH]);
    const partial = files.partialPath(HASH);
    writeFileSync(partial, 'chunk');
    await files.commit(partial, HASH);
    expect(readFileSync(files.path(HASH), 'utf8')).toBe('chunk');
    const [, aside = ''] = folder.names().sort();
    expect(aside).toMatch(`${HASH}.set-aside-`);
    expect(statSync(folder.join(`chunks/${aside}`)).isDirectory() || existsSync(folder.genesis)).toBe(true);
  });

  it('deletes only partial files that the farmer or its probes have written', async () => {
    const files = folder.createFiles();
    const ours = [`${HASH}.1-1.partial`, '.probe', `.probe-${randomUUID()}.partial`];
    const foreign = ['download.partial', `${HASH}.partial`, '.probe-notes', 'x.1-1.partial'];
    for (const name of [...ours, ...foreign]) writeFileSync(folder.join(`chunks/${name}`), '');
    expect(await files.removePartial(() => {})).toBe(ours.length);
    expect(folder.names().sort()).toEqual(foreign.sort());
  });
});
