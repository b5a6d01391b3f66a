import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findExcessCapacity } from '../../src/chunks/excess-capacity.ts';

const GB = 1e9;
const FULL_DISK = { usedBytes: 0, sizeBytes: 100 * GB, freeBytes: 90 * GB };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'capacity-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('findExcessCapacity', () => {
  it('finds a capacity that is larger than the disk', async () => {
    const disk = { ...FULL_DISK, path: folder, capacityBytes: 500 * GB };
    expect(await findExcessCapacity([disk], { minFreeBytes: GB })).toEqual([
      { paths: [folder], capacityBytes: 500 * GB, usableBytes: 89 * GB, sizeBytes: 100 * GB },
    ]);
  });

  it('counts stored chunks as usable space, and the space to keep free not', async () => {
    const disk = { ...FULL_DISK, path: folder, usedBytes: 5 * GB };
    const find = async (capacityBytes: number) =>
      await findExcessCapacity([{ ...disk, capacityBytes }], { minFreeBytes: GB });
    expect(await find(94 * GB)).toEqual([]);
    expect(await find(95 * GB)).toMatchObject([{ usableBytes: 94 * GB }]);
  });

  it('adds the capacities of directories on the same file system', async () => {
    const disks = ['/', '/usr/..'].map((path) => ({ ...FULL_DISK, path, capacityBytes: 50 * GB }));
    expect(await findExcessCapacity(disks, { minFreeBytes: 0 })).toMatchObject([
      { paths: ['/', '/usr/..'], capacityBytes: 100 * GB, usableBytes: 90 * GB },
    ]);
  });

  it('ignores a disk whose space is unknown', async () => {
    const disk = { path: '/nonexistent', capacityBytes: GB, usedBytes: 0, sizeBytes: undefined, freeBytes: undefined };
    expect(await findExcessCapacity([disk], { minFreeBytes: 0 })).toEqual([]);
  });
});
