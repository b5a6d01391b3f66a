import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import { fetchFailuresByReason, listContractHashes, waitUntilEachContractPasses } from '../src/farm-helpers.ts';
import { createGenesis } from '../src/genesis.ts';
import { inTestBed } from '../src/test-bed.ts';

const genesis = createGenesis('shared', 256 * 1024);

/** Commands that damage a chunk. */
const DAMAGES = {
  truncated: (path: string) => `truncate -s 1000 ${path}`,
  'bit-flipped': (path: string) => `printf '\\001' | dd of=${path} bs=1 seek=777 conv=notrunc status=none`,
  deleted: (path: string) => `rm ${path}`,
  'replaced by a directory': (path: string) => `rm ${path}; mkdir -p ${path}/inside; chown -R 1000:1000 ${path}`,
  unreadable: (path: string) => `chown 0:0 ${path}; chmod 000 ${path}`,
};

const FILL_DISK = `
  const fs = require('node:fs');
  const file = fs.openSync('/data/filler', 'w');
  const block = Buffer.alloc(4096);
  try {
    for (;;) fs.writeSync(file, block);
  } catch {}`;

const USE_UP_INODES = `
  const fs = require('node:fs');
  fs.mkdirSync('/data/fillers');
  try {
    for (let n = 0; ; n++) fs.writeFileSync('/data/fillers/' + n, '');
  } catch {}`;

describe('A farmer', () => {
  it.concurrent('rebuilds damaged chunks and proves them before their deadlines', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(genesis.content).withInterval(15));
      const volume = await bed.createVolume();
      const farmer = await bed.startFarmer({ genesis, volume, env: { FARMER_SIZE: '1280KiB' } });
      await farmer.waitUntilFull();
      await farmer.waitForPasses(5);
      const contracts = await listContractHashes(node);
      expect(contracts).toHaveLength(5);

      const damages = Object.values(DAMAGES).map((damage, at) => damage(`chunks/${contracts[at]}`));
      await bed.runOnVolume(volume, damages.join('; '));
      await waitUntilEachContractPasses(node);

      expect(await fetchFailuresByReason(farmer)).toEqual({});
      expect(await listContractHashes(node)).toEqual(contracts);
      const intact = contracts.map((hash) => ({ name: hash, sha256: hash }));
      expect((await bed.listChunkFiles(volume)).sort((a, b) => a.name.localeCompare(b.name))).toEqual(intact);
      const failed = (await node.control.listContracts()).map(({ unanswered, wrong }) => unanswered + wrong);
      expect(failed).toEqual([0, 0, 0, 0, 0]);
    });
  });

  it.concurrent('accepts no contracts while its disk is full, keeps answering, and accepts again once there is free space', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) =>
        set.withGenesis(genesis.content).withInterval(8).withMaxContracts(4),
      );
      const env = { FARMER_SIZE: '4MiB', FARMER_MIN_FREE: '0' };
      const farmer = await bed.startFarmer({ genesis, diskMiB: 16, env });
      await eventually(
        'four contracts with their chunks',
        async () => (await farmer.status()).contracts,
        ({ total, generating }) => total === 4 && generating === 0,
      );
      const contracts = await listContractHashes(node);

      await farmer.exec('node', '--eval', FILL_DISK);
      await node.control.updateConfig({ maxContracts: 16 });
      await farmer.waitForPasses(8);
      const { contracts: onFull } = await farmer.status();
      expect(onFull.total).toBeLessThan(16);
      expect(await fetchFailuresByReason(farmer)).not.toHaveProperty('wrong_answer');
      expect(await listContractHashes(node)).toEqual(expect.arrayContaining(contracts));

      await farmer.exec('node', '--eval', "require('node:fs').rmSync('/data/filler')");
      await farmer.waitUntilFull();
      expect(await listContractHashes(node)).toEqual(expect.arrayContaining(contracts));
      await waitUntilEachContractPasses(node);
    });
  });

  it.concurrent('accepts no contracts while the inodes of its disk are used up, names them, and accepts again later', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) =>
        set.withGenesis(genesis.content).withInterval(8).withMaxContracts(10),
      );
      const env = { FARMER_SIZE: '16MiB', FARMER_MIN_FREE: '0' };
      const farmer = await bed.startFarmer({ genesis, diskMiB: 64, diskInodes: 50, env });
      await eventually(
        'ten contracts with their chunks',
        async () => (await farmer.status()).contracts,
        ({ total, generating }) => total === 10 && generating === 0,
      );
      const before = await listContractHashes(node);

      await farmer.exec('node', '--eval', USE_UP_INODES);
      await node.control.updateConfig({ maxContracts: 64 });
      await eventually(
        'a full disk',
        async () => (await farmer.status()).disks[0],
        (disk) => disk?.state === 'full' && disk.reason === 'no free inodes',
      );
      await farmer.waitForPasses(10);
      // At most those that were accepted before the first write failed.
      expect((await farmer.status()).contracts.total).toBeLessThanOrEqual(14);
      expect(await listContractHashes(node)).toEqual(expect.arrayContaining(before));

      await farmer.exec('node', '--eval', "require('node:fs').rmSync('/data/fillers', { recursive: true })");
      await eventually(
        'more contracts',
        async () => await farmer.status(),
        ({ contracts, disks }) => contracts.total > 14 && disks[0]?.state === 'ok',
        { withinMs: 120_000 },
      );
      expect(await listContractHashes(node)).toEqual(expect.arrayContaining(before));
    });
  });
});
