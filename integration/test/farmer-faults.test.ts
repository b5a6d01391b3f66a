import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import {
  fetchFailuresByReason,
  listContractHashes,
  SMALL_FARM,
  waitUntilEachContractPasses,
} from '../src/farm-helpers.ts';
import { inTestBed } from '../src/test-bed.ts';

describe('a farmer', () => {
  it.concurrent('that stood still past a deadline says so, keeps its contracts, and passes again', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(4));
      const farmer = await bed.farmer(SMALL_FARM);
      await farmer.filled();
      await waitUntilEachContractPasses(node);
      const contracts = await listContractHashes(node);

      await farmer.freeze();
      await eventually(
        'each contract to miss a challenge',
        async () => (await node.control.listContracts()).map(({ unanswered }) => unanswered),
        (missed) => missed.every((count) => count >= 1),
      );
      await farmer.thaw();
      await waitUntilEachContractPasses(node);

      expect(await listContractHashes(node)).toEqual(contracts);
      const { missed = 0, ...others } = await fetchFailuresByReason(farmer);
      expect(missed).toBeGreaterThanOrEqual(3);
      // An answer that was under way when it stood still is one that the node did not acknowledge in time.
      expect(Object.keys(others).filter((reason) => reason !== 'node_error')).toEqual([]);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });

  it.concurrent('that is stopped amid making chunks ends in time, and goes on with whole ones only', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withInterval(30).withMaxContracts(8));
      const setup = { volume: await bed.volume(), env: { FARMER_SIZE: '256MiB' } };
      // Slowed down, so that chunks are still in the making when all contracts are taken.
      const first = await bed.farmer({ ...setup, cpus: 0.3 });
      await eventually(
        'all contracts to be taken, and some chunks to be in the making',
        async () => (await first.status()).contracts,
        ({ total, generating }) => total === 8 && generating > 0,
      );

      const { exitCode, seconds } = await first.stop();
      expect(exitCode).toBe(0);
      expect(seconds).toBeLessThan(8);
      const contracts = await listContractHashes(node);
      expect(contracts).toHaveLength(8);

      const second = await bed.farmer(setup);
      await second.filled();
      await second.passes(3);
      expect(await listContractHashes(node)).toEqual(contracts);
      const files = await bed.chunkFiles(setup.volume);
      expect(files).toEqual(files.map(({ sha256 }) => ({ name: sha256, sha256 })));
      expect(files).toHaveLength(8);
    });
  });
});
