import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { createSpaceReader } from '../../src/chunks/disk-space.ts';

describe('createSpaceReader', () => {
  it('reads the size and the free space of a file system', async () => {
    const { sizeBytes, freeBytes } = await createSpaceReader(tmpdir())();
    expect(sizeBytes).toBeGreaterThan(0);
    expect(freeBytes).toBeLessThanOrEqual(sizeBytes);
  });

  it('shares one system call among concurrent reads, but not with later ones', async () => {
    const readSpace = createSpaceReader(tmpdir());
    const [one, other] = await Promise.all([readSpace(), readSpace()]);
    expect(other).toBe(one);
    expect(await readSpace()).not.toBe(one);
  });

  it('tries again after an error', async () => {
    const readSpace = createSpaceReader('/no/such/folder');
    await expect(readSpace()).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readSpace()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
