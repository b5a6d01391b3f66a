import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import {
  fetchFailuresByReason,
  listContractHashes,
  SMALL_FARM,
  waitUntilEachContractPasses,
} from '../src/farm-helpers.ts';
import { inTestBed } from '../src/test-bed.ts';

describe('a farmer whose node', () => {
  it.concurrent('stands still for longer than a round keeps its contracts, says whose fault it was, and passes again', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(4));
      const farmer = await bed.farmer(SMALL_FARM);
      await farmer.filled();
      await waitUntilEachContractPasses(node);
      const contracts = await listContractHashes(node);

      await node.freeze();
      const failures = await eventually(
        'a round to be lost',
        async () => await fetchFailuresByReason(farmer),
        ({ node_error: lost = 0 }) => lost > 0,
      );
      await node.thaw();
      await waitUntilEachContractPasses(node);

      expect(Object.keys(failures)).toEqual(['node_error']);
      expect(await listContractHashes(node)).toEqual(contracts);
      expect((await farmer.scrape()).value('farmer_contracts_ended_total')).toBe(0);
    });
  });

  it.concurrent('is killed and started again keeps its contracts, and fails none', async () => {
    await inTestBed(async (bed) => {
      // Longer than a start takes on a busy machine: what falls due meanwhile would rightly count as failed.
      const node = await bed.mockNode((set) =>
        set.withGenesis(SMALL_FARM.genesis.content).withInterval(12).withState(),
      );
      const farmer = await bed.farmer(SMALL_FARM);
      await farmer.filled();
      await farmer.passes(3);
      const contracts = await listContractHashes(node);

      await node.kill();
      await node.restart();
      await waitUntilEachContractPasses(node);

      expect(await listContractHashes(node)).toEqual(contracts);
      expect(await fetchFailuresByReason(farmer)).toEqual({});
    });
  });

  it.concurrent('is cut off for longer than a round keeps its contracts, says whose fault it was, and passes again', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(4));
      const link = await bed.link(node);
      const farmer = await bed.farmer({ ...SMALL_FARM, link });
      await farmer.filled();
      await waitUntilEachContractPasses(node);
      const contracts = await listContractHashes(node);

      await farmer.disconnect(link);
      const failures = await eventually(
        'a round to be lost',
        async () => await fetchFailuresByReason(farmer),
        ({ node_error: lost = 0 }) => lost > 0,
      );
      await farmer.connect(link);
      await waitUntilEachContractPasses(node);

      expect(Object.keys(failures)).toEqual(['node_error']);
      expect(await listContractHashes(node)).toEqual(contracts);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });

  it.concurrent('forgot everything believes it after three times, and farms anew', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(6));
      const farmer = await bed.farmer(SMALL_FARM);
      await farmer.filled();

      // It has no state to go on with. Its draws begin anew: the same contracts, for another farmer's token.
      await node.restart();
      const ended = await eventually(
        'the farmer to believe it',
        async () => (await farmer.scrape()).byLabel('farmer_contracts_ended_total', 'reason'),
        ({ token_lost: lost = 0 }) => lost === 3,
      );
      expect(ended).toEqual({ token_lost: 3 });
      await farmer.filled();
      await waitUntilEachContractPasses(node);
      expect(await listContractHashes(node)).toHaveLength(3);
    });
  });
});
