import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import { createGenesis } from '../src/genesis.ts';
import { inTestBed } from '../src/test-bed.ts';

const genesis = createGenesis('shared');

describe('A farmer', () => {
  it('exits within 5 s of SIGTERM, with exit code 0', async () => {
    await inTestBed(async (bed) => {
      await bed.startMockNode();
      const farmer = await bed.startFarmer({ env: { FARMER_SIZE: '512MiB' } });
      await eventually(
        'the first two chunks',
        async () => await farmer.status(),
        ({ contracts }) => contracts.total - contracts.generating >= 2,
      );

      const { exitCode, seconds } = await farmer.stop();
      expect(exitCode).toBe(0);
      expect(seconds).toBeLessThan(5);
    });
  });

  it('keeps its contracts and chunks in a new container on the same volume', async () => {
    await inTestBed(async (bed) => {
      // Longer than a restart takes on a busy machine, so that no challenge is missed.
      await bed.startMockNode((node) => node.withGenesis(genesis.content).withInterval(12));
      const setup = { volume: await bed.createVolume(), genesis, env: { FARMER_SIZE: '192KiB' } };
      const before = await bed.startFarmer(setup);
      const { nodes } = await before.waitUntilFull();
      await before.waitForPasses(3);
      const chunks = await bed.listChunkFiles(setup.volume);
      await before.stop();

      const after = await bed.startFarmer(setup);
      const metrics = await after.waitForPasses(6);

      const { nodes: nodesAfter, contracts } = await after.status();
      expect(nodesAfter.map(({ farmerId }) => farmerId)).toEqual(nodes.map(({ farmerId }) => farmerId));
      expect(contracts).toMatchObject({ total: 3, generating: 0 });
      expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(0);
      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      expect(await bed.listChunkFiles(setup.volume)).toEqual(chunks);
    });
  });

  it('discards incomplete chunks after it was killed while generating', async () => {
    await inTestBed(async (bed) => {
      await bed.startMockNode();
      const setup = { volume: await bed.createVolume(), env: { FARMER_SIZE: '256MiB' } };
      // Slowed down, so that a chunk is being generated at any time.
      const killed = await bed.startFarmer({ ...setup, cpus: 0.3 });
      await eventually(
        'an incomplete chunk',
        async () => {
          await killed.freeze();
          const names = (await bed.listChunkFiles(setup.volume)).map(({ name }) => name);
          if (!names.some((name) => name.endsWith('.partial'))) await killed.thaw();
          return names;
        },
        (names) => names.some((name) => name.endsWith('.partial')),
      );
      await killed.kill();

      const farmer = await bed.startFarmer(setup);
      await farmer.waitUntilFull();
      await farmer.waitForPasses(3);

      const files = await bed.listChunkFiles(setup.volume);
      expect(files).toHaveLength(8);
      expect(files).toEqual(files.map(({ sha256 }) => ({ name: sha256, sha256 })));
    });
  });
});
