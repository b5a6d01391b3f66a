import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { describeFileSystem, findSharedFileSystem } from '../../src/chunks/file-system.ts';

describe('findSharedFileSystem', () => {
  it('finds a directory on the same file system, also for a directory that does not exist yet', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'file-system-'));
    try {
      expect(await findSharedFileSystem(join(folder, 'a/b'), ['/proc', folder])).toBe(folder);
      expect(await findSharedFileSystem('/proc/self', ['/', folder])).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('describeFileSystem', () => {
  it('finds the mount point of a directory', async () => {
    expect(await describeFileSystem('/proc/self')).toMatchObject({ mountPoint: '/proc' });
    expect(await describeFileSystem('/')).toMatchObject({ mountPoint: '/', sizeBytes: expect.any(Number) });
  });
});
