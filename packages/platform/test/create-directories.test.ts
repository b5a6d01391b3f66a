import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectories } from '@downstream/platform';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'directories-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('createDirectories', () => {
  it('creates missing parents and returns the first one', async () => {
    const path = join(folder, 'a', 'b', 'c');
    expect(await createDirectories(path, 0o700)).toBe(join(folder, 'a'));
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(await createDirectories(path, 0o700)).toBeUndefined();
  });

  it.each([
    ['a file is in the way', 'EEXIST', 'file'],
    ['a parent is a file', 'ENOTDIR', 'file/a'],
  ])('fails if %s', async (_, code, name) => {
    writeFileSync(join(folder, 'file'), '');
    await expect(createDirectories(join(folder, name), 0o700)).rejects.toMatchObject({ code });
  });

  (existsSync('/proc/self') ? it : it.skip).each(['/proc/x', '/proc/x/y'])('ends for %s', async (path) => {
    await expect(createDirectories(path, 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
