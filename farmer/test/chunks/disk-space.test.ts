import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { DiskSpace } from '../../src/chunks/disk-space.ts';

describe('a disk', () => {
  it('says how large it is and what is free', async () => {
    const { sizeBytes, freeBytes } = await new DiskSpace(tmpdir()).read();
    expect(sizeBytes).toBeGreaterThan(0);
    expect(freeBytes).toBeLessThanOrEqual(sizeBytes);
  });

  it('is asked once for questions at the same time, and again afterwards', async () => {
    const disk = new DiskSpace(tmpdir());
    const [one, other] = await Promise.all([disk.read(), disk.read()]);
    expect(other).toBe(one);
    expect(await disk.read()).not.toBe(one);
  });

  it('that is gone is an error, and asked again next time', async () => {
    const disk = new DiskSpace('/no/such/folder');
    await expect(disk.read()).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.read()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
