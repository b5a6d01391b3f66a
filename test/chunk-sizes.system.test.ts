import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Status } from '../farmer/src/status/status.ts';
import { CHUNK_BYTES, listChunks, TestFarm, until } from './support/test-farm.ts';

const LARGE = 3 * CHUNK_BYTES;
const SMALL = CHUNK_BYTES / 4;
/** Long enough that a busy machine can prove all contracts in time. The first challenges come with the contracts. */
const INTERVAL_MS = 60_000;

const isFull = ({ contracts, nodes }: Status) =>
  contracts.total > 0 && contracts.generating === 0 && nodes.every(({ waiting }) => waiting?.reason === 'share_used');
/** The size of all chunks in a data directory. */
const measure = (dataDir: string) =>
  listChunks(dataDir).reduce((sum, name) => sum + statSync(join(dataDir, 'chunks', name)).size, 0);

describe('A farmer with chunks of different sizes', () => {
  it.concurrent('fills several disks, states what it uses, and finds its chunks after a restart', async () => {
    await using farm = new TestFarm();
    const [one, two] = [
      await farm.startNode({ seed: 'one', intervalMs: INTERVAL_MS, chunkSizesBytes: [LARGE, SMALL] }),
      await farm.startNode({ seed: 'two', intervalMs: INTERVAL_MS, chunkSizesBytes: [CHUNK_BYTES] }),
    ];
    const other = join(farm.folder, 'other');
    const folders = [farm.dataDir, other];
    const capacities = [6 * LARGE + SMALL / 2, 2.5 * LARGE];
    const env = {
      FARMER_NODE_ALIAS: 'mixed,equal',
      FARMER_PROTOCOL: 'v1',
      FARMER_SIZE: '',
      FARMER_DATA_DIR: folders.map((path, at) => `${path}=${capacities[at]}`).join(','),
    };
    const urls = `${one.url},${two.url}`;
    const farmer = await farm.startFarmer(urls, env);
    const full = await until(farmer.status, isFull);
    const [mixed, equal] = full.nodes;
    const half = (capacities[0] ?? 0) / 2 + (capacities[1] ?? 0) / 2;
    expect(mixed?.bytes.capacity).toBe(half);
    expect(mixed?.bytes.used).toBeGreaterThan(half - SMALL);
    expect(equal?.bytes).toEqual({ used: 12 * CHUNK_BYTES, capacity: half });
    expect(full.disks.map(({ bytes }) => bytes)).toEqual(
      folders.map((path, at) => ({ used: measure(path), capacity: capacities[at] })),
    );
    expect(full.bytes.used).toBe(folders.reduce((sum, path) => sum + measure(path), 0));
    for (const { bytes } of full.disks) expect(bytes.used).toBeLessThanOrEqual(bytes.capacity);
    expect(equal?.waiting?.explanation).toContain('too little for another contract');
    await until(farmer.status, ({ challenges }) => challenges.passed >= full.contracts.total);

    await farmer.stop();
    const [damaged = ''] = readdirSync(join(other, 'chunks')).filter((name) => /^[0-9a-f]{64}$/.test(name));
    truncateSync(join(other, 'chunks', damaged), SMALL - 1);
    const restarted = await farm.startFarmer(urls, env);
    const same = await until(
      restarted.status,
      (status) => isFull(status) && status.bytes.used === full.bytes.used && status.repairs.rebuilt === 1,
    );
    expect(same.disks.map(({ bytes }) => bytes.used)).toEqual(folders.map(measure));
    expect(same.challenges.failed).toBe(0);
    expect(restarted.lines.filter((line) => line.includes('chunks of wrong size deleted'))).toHaveLength(1);
  });

  it.concurrent('needs capacity for a chunk of the genesis size only if a node has the prototype API', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode({ intervalMs: INTERVAL_MS, chunkSizesBytes: [SMALL] });
    const env = { FARMER_SIZE: String(CHUNK_BYTES - 1) };
    const tooSmall = `FARMER_SIZE must be at least ${CHUNK_BYTES} bytes`;
    await expect(farm.startFarmer(node.url, { ...env, FARMER_PROTOCOL: 'prototype' })).rejects.toThrow(tooSmall);
    const farmer = await farm.startFarmer(node.url, { ...env, FARMER_PROTOCOL: 'v1' });
    await until(farmer.status, (status) => isFull(status) && status.challenges.passed >= 3);
    expect(farmer.status().bytes).toEqual({ used: 3 * SMALL, capacity: CHUNK_BYTES - 1 });
  });

  it.concurrent('says that the capacity is too small once it knows that a node has the prototype API', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const env = { FARMER_SIZE: String(CHUNK_BYTES - 1) };
    const farmer = await farm.startFarmer(node.url, env);
    const { nodes } = await until(farmer.status, ({ nodes: [first] }) => first?.waiting?.reason === 'share_used');
    expect(nodes[0]?.waiting?.explanation).toContain('less than one contract');
    await farmer.stop();
    await expect(farm.startFarmer(node.url, env)).rejects.toThrow('FARMER_SIZE must be at least');
  });
});
