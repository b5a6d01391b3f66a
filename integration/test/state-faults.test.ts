import { describe, expect, it } from '@jest/globals';
import {
  fetchFailuresByReason,
  listContractHashes,
  SMALL_FARM,
  waitUntilEachContractPasses,
} from '../src/farm-helpers.ts';
import { inTestBed } from '../src/test-bed.ts';

/** What is done to the state of a farmer that is stopped, as a command. */
const DAMAGES = [
  ['truncated', 'truncate -s 5000 state.db'],
  ['emptied', 'truncate -s 0 state.db'],
  ['overwritten', 'head -c 20000 /dev/urandom > state.db; chown 1000:1000 state.db'],
  ['spoilt in the middle', 'head -c 8000 /dev/urandom | dd of=state.db bs=1 seek=4096 conv=notrunc status=none'],
] as const;

describe('a farmer', () => {
  it.concurrent.each(DAMAGES)('keeps every contract when its state was %s', async (_, damage) => {
    await inTestBed(async (bed) => {
      // Longer than a restart takes on a busy machine: what falls due meanwhile would rightly count as failed.
      const node = await bed.mockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(15));
      const setup = { ...SMALL_FARM, volume: await bed.volume() };
      const first = await bed.farmer(setup);
      const { nodes } = await first.filled();
      await first.passes(3);
      const contracts = await listContractHashes(node);
      await first.stop();

      await bed.onVolume(setup.volume, damage);
      const second = await bed.farmer(setup);
      await waitUntilEachContractPasses(node);

      expect((await second.status()).nodes).toMatchObject(nodes.map(({ farmerId }) => ({ farmerId })));
      expect(await listContractHashes(node)).toEqual(contracts);
      // What fell due while it was off may rightly count as missed; and how the last round came out may have been lost with the state,
      // so that its challenge, answered already, seems never to have come.
      const harmless = ['missed', 'not_challenged'];
      expect(Object.keys(await fetchFailuresByReason(second)).filter((reason) => !harmless.includes(reason))).toEqual(
        [],
      );
    });
  });

  it.concurrent('does not start where its state is read-only, says so, and goes on when it is not', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.mockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(15));
      const setup = { ...SMALL_FARM, volume: await bed.volume() };
      const first = await bed.farmer(setup);
      await first.filled();
      await first.passes(3);
      const contracts = await listContractHashes(node);
      await first.stop();

      await bed.onVolume(setup.volume, 'chown 0:0 state.db; chmod 444 state.db');
      const { exitCode, stderr } = await bed.runFarmerToExit(setup);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: expect.stringMatching(/^error: .*\/data\/state\.db .*$/m),
      });

      await bed.onVolume(setup.volume, 'chown 1000:1000 state.db; chmod 600 state.db');
      const second = await bed.farmer(setup);
      await waitUntilEachContractPasses(node);
      expect(await listContractHashes(node)).toEqual(contracts);
      // What fell due while it was off may rightly count as missed.
      expect(Object.keys(await fetchFailuresByReason(second)).filter((reason) => reason !== 'missed')).toEqual([]);
    });
  });
});
