import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { FaultyDisk } from './support/faulty-disk.ts';
import { CHUNK_BYTES, listChunks, TestFarm, until } from './support/test-farm.ts';
import { describeWith } from './support/tools.ts';

const FIVE_CHUNKS = 5 * CHUNK_BYTES;

describeWith(['fusermount', 'fusepy'], 'A farmer on a file system with faults', () => {
  it.each([
    ['fsyncdir', 'EINVAL', 'flushing a directory failed (EINVAL)'],
    ['rename', 'ENOSYS', 'renaming a file failed (ENOSYS)'],
    ['fsync', 'EOPNOTSUPP', 'flushing a file failed (ENOTSUP)'],
    ['chmod', 'EPERM', 'creating a database failed'],
  ])(
    'refuses a new directory at every start and writes nothing if %s fails with %s',
    async (operation, code, missing) => {
      await using farm = new TestFarm();
      await using disk = await FaultyDisk.mount({ [operation]: code });
      const env = { FARMER_DATA_DIR: join(disk.path, 'farm') };
      for (const _ of ['first', 'second']) {
        await expect(farm.startFarmer('http://127.0.0.1:1', env)).rejects.toMatchObject({
          code: 'unusable',
          message: expect.stringContaining(missing),
        });
        expect(disk.listFiles()).toEqual([]);
      }
    },
  );

  it('checks all directories before it writes to the first one', async () => {
    await using farm = new TestFarm();
    await using disk = await FaultyDisk.mount({ fsyncdir: 'EINVAL' });
    const second = join(disk.path, 'farm');
    const env = { FARMER_DATA_DIR: `${farm.dataDir}=${FIVE_CHUNKS},${second}=${FIVE_CHUNKS}`, FARMER_SIZE: '' };
    await expect(farm.startFarmer('http://127.0.0.1:1', env)).rejects.toThrow(`the file system of ${second}`);
    expect(() => listChunks(farm.dataDir)).toThrow('ENOENT');
    expect(disk.listFiles()).toEqual([]);
  });

  it('stops writing when flushing a directory starts to fail, keeps proving, and refuses the next start', async () => {
    await using farm = new TestFarm();
    await using disk = await FaultyDisk.mount();
    const node = await farm.startNode({ intervalMs: 2_000 });
    const env = { FARMER_DATA_DIR: disk.path };
    const farmer = await farm.startFarmer(node.url, env);
    await until(farmer.status, ({ contracts, challenges }) => contracts.waiting === 5 && challenges.passed >= 5);
    disk.setFaults({ fsyncdir: 'EINVAL' });
    const [lost = ''] = listChunks(disk.path);
    rmSync(join(disk.path, 'chunks', lost));
    const { disks, challenges } = await until(farmer.status, ({ disks: [first] }) => first?.state === 'read_only');
    expect(disks[0]?.reason).toBe('flushing a directory failed (EINVAL)');
    await until(farmer.status, (now) => now.challenges.passed >= challenges.passed + 8);
    const attempts = farmer.lines.filter((line) => line.includes('"chunk creation failed"'));
    expect(attempts.length).toBeLessThan(10);
    await farmer.stop();
    await expect(farm.startFarmer(node.url, env)).rejects.toMatchObject({ code: 'unusable' });
    disk.setFaults({});
    await farm.startFarmer(node.url, env);
  });

  it('accepts no contracts beyond a quota, although there is free space, and names the quota', async () => {
    await using farm = new TestFarm();
    await using disk = await FaultyDisk.mount();
    const node = await farm.startNode({ intervalMs: 60_000 });
    const [first, second] = [`${farm.dataDir}=${CHUNK_BYTES}`, `${disk.path}=${40 * CHUNK_BYTES}`];
    disk.setFaults({ quota: 4.5 * CHUNK_BYTES });
    const farmer = await farm.startFarmer(node.url, { FARMER_DATA_DIR: `${first},${second}`, FARMER_SIZE: '' });
    const { disks } = await until(farmer.status, ({ disks: [, limited] }) => limited?.state === 'full');
    expect(disks[1]).toMatchObject({ reason: 'disk quota used up', freeBytes: expect.any(Number) });
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);
    const { total } = farmer.status().contracts;
    // The farmer reads free space every five seconds.
    await pause(11_000);
    expect(farmer.status().contracts.total).toBe(total);
    expect(listChunks(disk.path)).toHaveLength(4);
    expect(farmer.lines.filter((line) => line.includes('"disk full"'))).toHaveLength(1);
  });
});
