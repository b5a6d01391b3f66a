import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MockNode } from '@downstream/mock-node';
import { expect, it } from '@jest/globals';
import { FaultyDisk, type FileSystemFaults } from './support/faulty-disk.ts';
import { CHUNK_BYTES, listChunks, TestFarm, until } from './support/test-farm.ts';
import { describeWith } from './support/tools.ts';

const FIVE_CHUNKS = 5 * CHUNK_BYTES;
/** Long enough for a restart: a contract of the v1 API ends when one challenge is missed. */
const V1_NODE = { intervalMs: 10_000, chunkSizesBytes: [CHUNK_BYTES], maxContracts: 5 };
const V1_ENV = { FARMER_PROTOCOL: 'v1', FARMER_POLL_INTERVAL: '' };

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

  it.each<[string, (bytes: number) => FileSystemFaults]>([
    ['no space', () => ({ write: 'ENOSPC' })],
    ['a quota', (bytes) => ({ quota: bytes + 5_000 })],
  ])('starts on a disk that is full because of %s, and proves its contracts of the v1 API', async (_, createFaults) => {
    await using farm = new TestFarm();
    await using disk = await FaultyDisk.mount();
    const node = await farm.startNode(V1_NODE);
    const env = { ...V1_ENV, FARMER_DATA_DIR: disk.path };
    const farmer = await farm.startFarmer(node.url, env);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    await farmer.stop();
    rmSync(join(disk.path, 'tags.replica.db'));
    disk.setFaults(createFaults(disk.countBytes()));
    const onFull = await farm.startFarmer(node.url, env);
    expect(onFull.lines.filter((line) => line.includes('"tag files not synchronized"'))).toHaveLength(1);
    await until(
      () => listResults(node),
      (results) => results.every(({ passed }) => passed >= 2),
    );
    await onFull.stop();
    disk.setFaults({});
    const onFree = await farm.startFarmer(node.url, env);
    expect(onFree.lines.filter((line) => line.includes('"tag files restored"'))).toHaveLength(1);
    await until(
      () => listResults(node),
      (results) => results.every(({ passed }) => passed >= 3),
    );
    expect(listResults(node).map(({ hash }) => hash)).toEqual(['1', '2', '3', '4', '5']);
  });

  it('keeps its contracts of the v1 API when the disk becomes full while tags are saved, and accepts more later', async () => {
    await using farm = new TestFarm();
    await using disk = await FaultyDisk.mount();
    const node = await farm.startNode(V1_NODE);
    // Chunks have space on another disk.
    const dataDirs = `${disk.path}=${CHUNK_BYTES},${farm.dataDir}=${12 * CHUNK_BYTES}`;
    const env = { ...V1_ENV, FARMER_DATA_DIR: dataDirs, FARMER_SIZE: '' };
    const farmer = await farm.startFarmer(node.url, env);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    disk.setFaults({ write: 'ENOSPC' });
    node.controller.configure({ maxContracts: 10 });
    const { nodes } = await until(farmer.status, ({ nodes: [first] }) => first?.waiting?.reason === 'not_stored');
    expect(nodes[0]?.waiting?.explanation).toContain('Free space in the first data directory');
    expect(farmer.lines.filter((line) => line.includes('"contracts not accepted: tags not stored"'))).not.toEqual([]);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 10);
    expect(farmer.status()).toMatchObject({ contracts: { total: 5 }, stateSaved: false });
    disk.setFaults({});
    await until(farmer.status, ({ contracts, stateSaved }) => contracts.total === 10 && stateSaved);
    const kept = listResults(node).slice(0, 5);
    expect(kept.map(({ hash, passed }) => ({ hash, isProved: passed >= 2 }))).toEqual(
      ['1', '2', '3', '4', '5'].map((hash) => ({ hash, isProved: true })),
    );
    expect(farmer.status().challenges.failed).toBe(0);
  });
});

/** The running contracts of the node, and how many challenges of each have passed. */
function listResults({ controller: { ledger, clock } }: MockNode): { hash: string; passed: number }[] {
  return [...ledger.listContracts(clock.now())].map(({ hash, results: { passed } }) => ({ hash, passed }));
}
