import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
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
    expect(failures).toEqual([expect.objectContaining({ code: 'ERR_FS_EISDIR' })]);
  });
});
