import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import { listContractHashes, SMALL_FARM, waitUntilEachContractPasses } from '../src/farm-helpers.ts';
import type { FarmerService } from '../src/service.ts';
import { inTestBed, NODE_URL, SECOND_DISK } from '../src/test-bed.ts';

const { genesis } = SMALL_FARM;
const OTHER_ADDRESS = '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2';

const EMPTY_DISK = `
  const fs = require('node:fs');
  for (const name of fs.readdirSync('${SECOND_DISK}')) fs.rmSync('${SECOND_DISK}/' + name, { recursive: true });`;

const listTotals = async (farmer: FarmerService) =>
  (await farmer.status()).nodes.map(({ contracts: { total, capacity } }) => `${total}/${capacity}`);

describe('The operator guide', () => {
  it.concurrent('replaces a dead disk by a new one in the same place, and keeps every contract', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(genesis.content).withInterval(8));
      const env = { FARMER_DATA_DIR: `/data=192KiB,${SECOND_DISK}=192KiB`, FARMER_MIN_FREE: '0' };
      const farmer = await bed.startFarmer({ genesis, env, secondDiskMiB: 16 });
      await farmer.waitUntilFull();
      await waitUntilEachContractPasses(node);
      const contracts = await listContractHashes(node);

      await farmer.exec('node', '--eval', EMPTY_DISK);
      await eventually(
        'a quarantined disk',
        async () => (await farmer.status()).disks,
        ([, second]) => second?.state === 'quarantined' && second.reason === 'not mounted, or a new disk',
      );
      await expect(farmer.exec('downstream', 'disk', 'replace', '/data', '--yes')).rejects.toThrow('holds the state');
      expect(await farmer.exec('downstream', 'disk', 'replace', SECOND_DISK, '--yes')).toContain('is in use');

      await farmer.waitUntilFull();
      await waitUntilEachContractPasses(node);
      expect(await listContractHashes(node)).toEqual(contracts);
      expect((await farmer.status()).disks.map(({ state }) => state)).toEqual(['ok', 'ok']);
    });
  });

  it.concurrent('restores a backup after the state and its replica were lost, and keeps every contract', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(genesis.content).withInterval(10));
      const setup = { ...SMALL_FARM, volume: await bed.createVolume() };
      const first = await bed.startFarmer(setup);
      await first.waitUntilFull();
      await waitUntilEachContractPasses(node);
      const contracts = await listContractHashes(node);
      expect(await first.exec('downstream', 'check')).toMatch(
        /^ok +port +port 8080 on 0\.0\.0\.0 is in use by this farmer$/m,
      );
      expect(await first.exec('downstream', 'status')).toMatch(/^HEALTHY: /m);
      const listed: { contract: string }[] = JSON.parse(await first.exec('downstream', 'contracts', '--json'));
      expect(listed.map(({ contract }) => contract).sort()).toEqual(contracts);
      expect(await first.exec('downstream', 'backup', '-')).toMatch(/^SQLite format 3/);
      await first.exec('downstream', 'backup', '/data/backup.db');
      await first.stop();

      const restore = async () => await bed.runOnDataDir(setup.volume, 'restore', '/data/backup.db');
      await expect(restore()).rejects.toThrow('state.db is intact');
      await bed.runOnVolume(setup.volume, 'rm state.*');
      expect(await restore()).toContain('restored 3 contracts');
      const second = await bed.startFarmer(setup);
      await second.waitUntilFull();
      await waitUntilEachContractPasses(node);
      expect(await listContractHashes(node)).toEqual(contracts);
    });
  });

  it.concurrent('adds a node, leaves another one, and changes the payout address in the same data directory', async () => {
    await inTestBed(async (bed) => {
      const startNode = async (host?: string) =>
        await bed.startMockNode((set) => set.withGenesis(genesis.content).withInterval(10), host);
      const [main, second] = [await startNode(), await startNode('second')];
      const volume = await bed.createVolume();
      const start = async (nodes: string, env = {}) =>
        await bed.startFarmer({ genesis, volume, env: { ...SMALL_FARM.env, FARMER_NODE_URL: nodes, ...env } });
      const secondUrl = 'http://second:5000';
      const one = await start(NODE_URL, { FARMER_NODE_ALIAS: 'main' });
      await one.waitUntilFull();
      await one.stop();

      const both = await start(`${NODE_URL},${secondUrl}=2`, { FARMER_NODE_ALIAS: 'main,second' });
      await eventually(
        'the second node to wait for capacity',
        async () => (await both.status()).nodes[1]?.waiting?.reason,
        (reason) => reason === 'capacity_used',
      );
      expect(await listTotals(both)).toEqual(['3/1', '0/2']);
      expect(await both.exec('downstream', 'exit', '--node', 'main', '--yes')).toContain('exit from main complete');
      await eventually(
        'the second node to use the capacity',
        async () => await listTotals(both),
        (totals) => totals.join(' ') === '0/0 3/3',
      );
      expect(await main.control.listContracts()).toEqual([]);
      await both.stop();

      const last = await start(secondUrl);
      expect(await listContractHashes(second)).toHaveLength(3);
      expect(await last.exec('downstream', 'exit', '--yes')).toContain('exit complete');
      await last.stop();
      const moved = await start(secondUrl, { FARMER_ADDRESS: OTHER_ADDRESS });
      await moved.waitUntilFull();
      expect((await moved.status()).address).toBe(OTHER_ADDRESS);
    });
  });
});
