import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import { allPassAgain, failuresOf, hashesOf, SMALL } from '../src/farm.ts';
import { inTestBed } from '../src/test-bed.ts';

describe('a farmer whose node', () => {
  it.concurrent('stands still for longer than a round keeps its contracts, says whose fault it was, and passes again', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL.genesis.content).withInterval(4));
      const farmer = await bed.farmer(SMALL);
      await farmer.filled();
      await allPassAgain(node);
      const contracts = await hashesOf(node);

      await node.freeze();
      const failures = await eventually(
        'a round to be lost',
        async () => await failuresOf(farmer),
        ({ node_error: lost = 0 }) => lost > 0,
      );
      await node.thaw();
      await allPassAgain(node);

      expect(Object.keys(failures)).toEqual(['node_error']);
      expect(await hashesOf(node)).toEqual(contracts);
      expect((await farmer.scrape()).value('farmer_contracts_ended_total')).toBe(0);
    });
  });

  it.concurrent('is killed and started again keeps its contracts, and fails none', async () => {
    await inTestBed(async (bed) => {
      // Longer than a start takes on a busy machine: what falls due meanwhile would rightly count as failed.
      const node = await bed.mockNode((set) => set.withGenesis(SMALL.genesis.content).withInterval(12).withState());
      const farmer = await bed.farmer(SMALL);
      await farmer.filled();
      await farmer.passes(3);
      const contracts = await hashesOf(node);

      await node.kill();
      await node.restart();
      await allPassAgain(node);

      expect(await hashesOf(node)).toEqual(contracts);
      expect(await failuresOf(farmer)).toEqual({});
    });
  });

  it.concurrent('is cut off for longer than a round keeps its contracts, says whose fault it was, and passes again', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL.genesis.content).withInterval(4));
      const link = await bed.link(node);
      const farmer = await bed.farmer({ ...SMALL, link });
      await farmer.filled();
      await allPassAgain(node);
      const contracts = await hashesOf(node);

      await farmer.disconnect(link);
      const failures = await eventually(
        'a round to be lost',
        async () => await failuresOf(farmer),
        ({ node_error: lost = 0 }) => lost > 0,
      );
      await farmer.connect(link);
      await allPassAgain(node);

      expect(Object.keys(failures)).toEqual(['node_error']);
      expect(await hashesOf(node)).toEqual(contracts);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });

  it.concurrent('forgot everything believes it after three times, and farms anew', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL.genesis.content).withInterval(6));
      const farmer = await bed.farmer(SMALL);
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
      await allPassAgain(node);
      expect(await hashesOf(node)).toHaveLength(3);
    });
  });
});
