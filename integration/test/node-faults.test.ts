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
  it.concurrent('keeps its contracts and reports node errors while its node is frozen for more than a round', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(8));
      const { farmer, contracts } = await startPassingFarmer(bed, node);

      // On a busy machine, the start may have failed some.
      const before = await fetchFailuresByReason(farmer);
      await node.freeze();
      const failures = await eventually(
        'a failed round',
        async () => await fetchFailuresByReason(farmer),
        ({ node_error: lost = 0 }) => lost > (before['node_error'] ?? 0),
      );
      await node.thaw();
      await waitUntilEachContractPasses(node);

      expect(failures).toEqual({ ...before, node_error: expect.any(Number) });
      expect(await listContractHashes(node)).toEqual(contracts);
      expect((await farmer.scrape()).value('farmer_contracts_ended_total')).toBe(0);
    });
  });

  it.concurrent('fails no challenge when its node is killed and restarted', async () => {
    await inTestBed(async (bed) => {
      // Longer than a start takes on a busy machine, so that no challenge is missed.
      const node = await bed.startMockNode((set) =>
        set.withGenesis(SMALL_FARM.genesis.content).withInterval(12).withState(),
      );
      const { farmer, contracts } = await startPassingFarmer(bed, node);

      await node.kill();
      await node.restart();
      await waitUntilEachContractPasses(node);

      expect(await listContractHashes(node)).toEqual(contracts);
      expect(await fetchFailuresByReason(farmer)).toEqual({});
    });
  });

  it.concurrent('keeps its contracts and reports node errors while its node is unreachable for more than a round', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(8));
      const link = await bed.createLink(node);
      const { farmer, contracts } = await startPassingFarmer(bed, node, { ...SMALL_FARM, link });

      // On a busy machine, the start may have failed some.
      const before = await fetchFailuresByReason(farmer);
      await farmer.disconnect(link);
      const failures = await eventually(
        'a failed round',
        async () => await fetchFailuresByReason(farmer),
        ({ node_error: lost = 0 }) => lost > (before['node_error'] ?? 0),
      );
      await farmer.connect(link);
      await waitUntilEachContractPasses(node);

      expect(failures).toEqual({ ...before, node_error: expect.any(Number) });
      expect(await listContractHashes(node)).toEqual(contracts);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });

  it.concurrent('drops its contracts and accepts new ones after its node has lost its state', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) =>
        set.withGenesis(SMALL_FARM.genesis.content).withInterval(8).withSeed('same'),
      );
      const farmer = await bed.startFarmer(SMALL_FARM);
      await farmer.waitUntilFull();

      // Without saved state, a node with a seed issues the same contracts again.
      await node.restart();
      const ended = await eventually(
        'the loss of the token',
        async () => (await farmer.scrape()).byLabel('farmer_contracts_ended_total', 'reason'),
        ({ token_lost: lost = 0 }) => lost === 3,
      );
      expect(ended).toEqual({ token_lost: 3 });
      // The farmer is full until the lost contracts are removed from its state.
      await eventually(
        'three new contracts',
        async () => await listContractHashes(node),
        (hashes) => hashes.length === 3,
      );
      await farmer.waitUntilFull();
      await waitUntilEachContractPasses(node);
    });
  });
});
