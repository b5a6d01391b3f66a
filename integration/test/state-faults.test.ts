import { describe, expect, it } from '@jest/globals';
import {
  fetchFailuresByReason,
  listContractHashes,
  SMALL_FARM,
  waitUntilEachContractPasses,
} from '../src/farm-helpers.ts';
import { inTestBed } from '../src/test-bed.ts';

/** Commands that damage the state of a stopped farmer. */
const DAMAGES = [
  ['truncated', 'truncate -s 5000 state.db'],
  ['emptied', 'truncate -s 0 state.db'],
  ['overwritten', 'head -c 20000 /dev/urandom > state.db; chown 1000:1000 state.db'],
  ['corrupted in the middle', 'head -c 8000 /dev/urandom | dd of=state.db bs=1 seek=4096 conv=notrunc status=none'],
] as const;

describe('A farmer', () => {
  it.concurrent.each(DAMAGES)('keeps every contract after its state was %s', async (_, damage) => {
    await inTestBed(async (bed) => {
      // Longer than a restart takes on a busy machine, so that few challenges are missed.
      const node = await bed.startMockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(15));
      const setup = { ...SMALL_FARM, volume: await bed.createVolume() };
      const first = await bed.startFarmer(setup);
      const { nodes } = await first.waitUntilFull();
      await first.waitForPasses(3);
      const contracts = await listContractHashes(node);
      await first.stop();

      await bed.runOnVolume(setup.volume, damage);
      const second = await bed.startFarmer(setup);
      await waitUntilEachContractPasses(node);

      expect((await second.status()).nodes).toMatchObject(nodes.map(({ farmerId }) => ({ farmerId })));
      expect(await listContractHashes(node)).toEqual(contracts);
      // Challenges that were due while it was stopped may count as missed. The outcome of the last round may be lost
      // with the state; its challenge then counts as never issued.
      const harmless = ['missed', 'not_challenged'];
      expect(Object.keys(await fetchFailuresByReason(second)).filter((reason) => !harmless.includes(reason))).toEqual(
        [],
      );
    });
  });

  it.concurrent('refuses to start with a read-only state, and resumes when it is writable', async () => {
    await inTestBed(async (bed) => {
      const node = await bed.startMockNode((set) => set.withGenesis(SMALL_FARM.genesis.content).withInterval(15));
      const setup = { ...SMALL_FARM, volume: await bed.createVolume() };
      const first = await bed.startFarmer(setup);
      await first.waitUntilFull();
      await first.waitForPasses(3);
      const contracts = await listContractHashes(node);
      await first.stop();

      await bed.runOnVolume(setup.volume, 'chown 0:0 state.db; chmod 444 state.db');
      const { exitCode, stderr } = await bed.runFarmerToExit(setup);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: expect.stringMatching(/^error: .*\/data\/state\.db .*$/m),
      });

      await bed.runOnVolume(setup.volume, 'chown 1000:1000 state.db; chmod 600 state.db');
      const second = await bed.startFarmer(setup);
      await waitUntilEachContractPasses(node);
      expect(await listContractHashes(node)).toEqual(contracts);
      // Challenges that were due while it was stopped may count as missed.
      expect(Object.keys(await fetchFailuresByReason(second)).filter((reason) => reason !== 'missed')).toEqual([]);
    });
  });
});
