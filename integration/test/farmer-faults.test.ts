import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import {
  fetchFailuresByReason,
  listContractHashes,
  SMALL_FARM,
  startPassingFarmer,
  waitUntilEachContractPasses,
} from '../src/farm-helpers.ts';
import { inTestBed } from '../src/test-bed.ts';

describe('A farmer', () => {
  it.concurrent('keeps its contracts and reports missed challenges after it was frozen past a deadline', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(4));
      const { farmer, contracts } = await startPassingFarmer(bed, node);

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
      // The node did not acknowledge in time an answer that was in progress.
      expect(Object.keys(others).filter((reason) => reason !== 'node_error')).toEqual([]);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });

  it.concurrent('exits in time when stopped while generating chunks, and resumes with complete chunks only', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withInterval(30).withMaxContracts(8));
      const setup = { volume: await bed.createVolume(), env: { FARMER_SIZE: '256MiB' } };
      // Slowed down, so that chunks are still being generated when the farmer is stopped.
      const first = await bed.startFarmer({ ...setup, cpus: 0.3 });
      await eventually(
        'chunks to be generated',
        async () => (await first.status()).contracts,
        ({ total, generating }) => total >= 3 && generating > 0,
      );

      const { exitCode, seconds } = await first.stop();
      expect(exitCode).toBe(0);
      expect(seconds).toBeLessThan(8);
      const contracts = await listContractHashes(node);
      expect(contracts.length).toBeGreaterThanOrEqual(3);

      const second = await bed.startFarmer(setup);
      await second.waitUntilFull();
      await second.waitForPasses(3);
      const kept = new Set(contracts).intersection(new Set(await listContractHashes(node)));
      // The farmer releases a contract that the node offered at the moment of the stop.
      expect(kept.size).toBeGreaterThanOrEqual(contracts.length - 1);
      const files = await bed.listChunkFiles(setup.volume);
      expect(files).toEqual(files.map(({ sha256 }) => ({ name: sha256, sha256 })));
      expect(files).toHaveLength(8);
    });
  });
});
