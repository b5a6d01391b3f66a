import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CHUNK_BYTES, TestFarm, type TestFarmer, until } from './support/test-farm.ts';

const countPassed = (farmer: TestFarmer, at: number) => farmer.status().nodes[at]?.challenges.passed ?? 0;

describe('A farmer with several nodes', () => {
  it('divides its capacity by the configured shares, with a token and contracts per node', async () => {
    await using farm = new TestFarm();
    const [one, two] = [await farm.startNode({ seed: 'one' }), await farm.startNode({ seed: 'two' })];
    const env = { FARMER_NODE_ALIAS: 'big,small', FARMER_SIZE: String(8 * CHUNK_BYTES) };
    const farmer = await farm.startFarmer(`${one.url}=3,${two.url}=1`, env);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 8);
    const { nodes } = farmer.status();
    expect(nodes.map(({ alias, contracts: { total } }) => [alias, total])).toEqual([
      ['big', 6],
      ['small', 2],
    ]);
    expect(new Set(nodes.map(({ farmerId }) => farmerId)).size).toBe(2);
    expect(await farmer.metrics()).toContain('farmer_contracts{node="small",state="waiting"} 2');
  });

  it('keeps passing at the other nodes while one is unreachable', async () => {
    await using farm = new TestFarm();
    const [one, two] = [await farm.startNode({ seed: 'one' }), await farm.startNode({ seed: 'two' })];
    const farmer = await farm.startFarmer(`${one.url},${two.url}`, {
      FARMER_NODE_ALIAS: 'one,two',
      FARMER_SIZE: String(4 * CHUNK_BYTES),
    });
    await until(farmer.status, ({ nodes }) =>
      nodes.every(({ contracts, challenges }) => contracts.total === 2 && challenges.passed > 2),
    );
    await one.close();
    await until(farmer.status, ({ nodes }) => (nodes[0]?.challenges.failed ?? 0) > 2);
    const before = countPassed(farmer, 1);
    await until(
      () => countPassed(farmer, 1),
      (passed) => passed >= before + 4,
    );
    const { nodes } = farmer.status();
    expect(nodes.map(({ reachable }) => reachable)).toEqual([false, true]);
    expect(nodes[1]?.challenges.failed).toBe(0);
    expect(nodes[0]?.contracts.total).toBe(2);
  });

  it('rejects and releases a contract that it holds for another node', async () => {
    await using farm = new TestFarm();
    const [one, two] = [await farm.startNode({ seed: 'same' }), await farm.startNode({ seed: 'same' })];
    const farmer = await farm.startFarmer(`${one.url},${two.url}`, { FARMER_NODE_ALIAS: 'one,two' });
    await until(farmer.metrics, (text) => /rejected_total\{node="\w+",reason="duplicate"\} [1-9]/.test(text));
    const names = readdirSync(join(farm.dataDir, 'chunks'));
    expect(new Set(names).size).toBe(names.length);
    expect(farmer.status().challenges.failedByReason.wrong_answer).toBe(0);
  });
});

describe('A farmer with several disks', () => {
  it('rebuilds the chunks of a removed disk on the others in time, and uses the disk again when it returns', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode({ intervalMs: 5_000, maxContracts: 6 });
    const [a, b] = [join(farm.folder, 'a'), join(farm.folder, 'b')];
    const size = String(6 * CHUNK_BYTES);
    const env = { FARMER_DATA_DIR: `${a}=${size},${b}=${size}`, FARMER_SIZE: '' };
    const farmer = await farm.startFarmer(node.url, env);
    const chunksIn = (folder: string) => readdirSync(join(folder, 'chunks')).filter((name) => name.length === 64);
    await until(farmer.status, ({ contracts, challenges }) => contracts.waiting === 6 && challenges.passed >= 6);
    expect([chunksIn(a).length, chunksIn(b).length]).toEqual([3, 3]);

    renameSync(b, `${b}-removed`);
    mkdirSync(b);
    const status = await until(farmer.status, ({ disks }) => disks[1]?.state === 'quarantined');
    expect(status.disks[0]?.state).toBe('ok');
    await until(
      () => chunksIn(a).length,
      (count) => count === 6,
    );
    const { passed } = farmer.status().challenges;
    await until(farmer.status, ({ challenges }) => challenges.passed >= passed + 6);
    expect(farmer.status().challenges.failed).toBe(0);
    expect(readdirSync(b)).toEqual([]);
    await farmer.stop();

    rmSync(b, { recursive: true });
    renameSync(`${b}-removed`, b);
    const again = await farm.startFarmer(node.url, env);
    await until(
      again.status,
      ({ contracts, disks }) => contracts.waiting === 6 && disks.every(({ state }) => state === 'ok'),
    );
    expect([chunksIn(a).length, chunksIn(b).length]).toEqual([6, 0]);
  });
});
