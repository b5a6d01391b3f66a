import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { DiskSpace } from '../../src/chunks/disk-space.ts';

describe('DiskSpace', () => {
  it('reads the size and the free space of a file system', async () => {
    const { sizeBytes, freeBytes } = await new DiskSpace(tmpdir()).read();
    expect(sizeBytes).toBeGreaterThan(0);
    expect(freeBytes).toBeLessThanOrEqual(sizeBytes);
  });

  it('shares one system call among concurrent reads, but not with later ones', async () => {
    const space = new DiskSpace(tmpdir());
    const [one, other] = await Promise.all([space.read(), space.read()]);
    expect(other).toBe(one);
    expect(await space.read()).not.toBe(one);
  });

  it('tries again after an error', async () => {
    const space = new DiskSpace('/no/such/folder');
    await expect(space.read()).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(space.read()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
