import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import { createGenesis } from '../src/genesis.ts';
import { inTestBed } from '../src/test-bed.ts';

describe('A farmer', () => {
  it('fills its capacity with 32 MiB chunks and passes every challenge', async () => {
    await inTestBed(async (bed) => {
      // Long enough for a busy machine to generate each chunk twice: at the node and at the farmer.
      await bed.startMockNode((node) => node.withInterval(10));
      const farmer = await bed.startFarmer({ env: { FARMER_SIZE: '96MiB' } });

      const { contracts } = await farmer.waitUntilFull();
      expect(contracts.total).toBe(3);
      const metrics = await farmer.waitForPasses(9);

      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      expect(metrics.value('farmer_contracts_rejected_total')).toBe(0);
      expect(metrics.value('farmer_contract_bytes')).toBe(96 * 1024 * 1024);
      expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(3);

      expect(await farmer.exec('downstream', 'scrub')).toMatch(/^all chunks are intact \(3 of 3\)$/m);
      const [chunk = ''] = await farmer.listFolder('/data/chunks');
      expect(await farmer.exec('downstream', 'explain', chunk.slice(0, 8))).toMatch(/ {2}Passed \d/);
    });
  });

  it.concurrent('rejects the contracts of a node with a different genesis file and leaves no chunk on disk', async () => {
    await inTestBed(async (bed) => {
      await bed.startMockNode((node) => node.withGenesis(createGenesis('node').content));
      const volume = await bed.createVolume();
      const farmer = await bed.startFarmer({
        volume,
        genesis: createGenesis('farmer'),
        env: { FARMER_SIZE: '192KiB' },
      });

      await eventually(
        'rejected contracts',
        async () => await farmer.scrape(),
        (seen) => seen.value('farmer_contracts_rejected_total', { reason: 'hash_mismatch' }) >= 3,
      );
      const metrics = await farmer.scrape();
      expect(metrics.value('farmer_challenges_passed_total')).toBe(0);

      await farmer.stop();
      expect(await bed.listChunkFiles(volume)).toEqual([]);
    });
  });

  it.concurrent('keeps proving its contracts on a full disk and accepts no more', async () => {
    await inTestBed(async (bed) => {
      await bed.startMockNode();
      // Fits the genesis file, one chunk, and a part of another.
      const farmer = await bed.startFarmer({ diskMiB: 80, env: { FARMER_SIZE: '512MiB', FARMER_MIN_FREE: '0' } });
      await farmer.waitForPasses(4);
      const metrics = await farmer.scrape();
      expect(metrics.value('farmer_contracts', { state: 'waiting' })).toBeLessThanOrEqual(1);
      expect(metrics.value('farmer_contracts', { state: 'generating' })).toBeLessThanOrEqual(4);
      const complete = (await farmer.listFolder('/data/chunks')).filter((name) => /^[0-9a-f]{64}$/.test(name));
      expect(complete).toHaveLength(1);
      expect((await farmer.stop()).exitCode).toBe(0);
    });
  });

  it.concurrent('accepts new contracts after its node has lost its state', async () => {
    await inTestBed(async (bed) => {
      const genesis = createGenesis('shared');
      const node = await bed.startMockNode((node) => node.withGenesis(genesis.content));
      const farmer = await bed.startFarmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.waitUntilFull();
      await farmer.waitForPasses(3);

      await node.restart();
      await eventually(
        'the loss of the token',
        async () => await farmer.scrape(),
        (seen) => seen.value('farmer_contracts_ended_total', { reason: 'token_lost' }) === 3,
      );
      await farmer.waitUntilFull();
      await farmer.waitForPasses(3);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });
});
