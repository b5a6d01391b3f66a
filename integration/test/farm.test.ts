import { describe, expect, it } from '@jest/globals';
import { eventually } from '../src/eventually.ts';
import { createGenesis } from '../src/genesis.ts';
import { inTestBed } from '../src/test-bed.ts';

describe('a farm', () => {
  it('fills its capacity with 32 MiB chunks and passes every challenge', async () => {
    await inTestBed(async (bed) => {
      // Long enough for a busy machine to make chunks of this size twice: at the node, and here.
      await bed.mockNode((node) => node.withInterval(10));
      const farmer = await bed.farmer({ env: { FARMER_SIZE: '96MiB' } });

      const { contracts } = await farmer.filled();
      expect(contracts.total).toBe(3);
      const metrics = await farmer.passes(9);

      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      expect(metrics.value('farmer_contracts_rejected_total')).toBe(0);
      expect(metrics.value('farmer_contract_bytes')).toBe(96 * 1024 * 1024);
      expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(3);

      expect(await farmer.shell('downstream scrub')).toMatch(/^all chunks are intact \(3 of 3\)$/m);
      expect(await farmer.shell('downstream explain $(ls /data/chunks | head -n 1 | cut -c 1-8)')).toMatch(
        / {2}Passed: /,
      );
    });
  });

  it('refuses the contracts of a node that has another genesis file, and leaves nothing on disk', async () => {
    await inTestBed(async (bed) => {
      await bed.mockNode((node) => node.withGenesis(createGenesis('what the node has').content));
      const volume = await bed.volume();
      const farmer = await bed.farmer({
        volume,
        genesis: createGenesis('what the farmer has'),
        env: { FARMER_SIZE: '192KiB' },
      });

      await eventually(
        'refused contracts',
        async () => await farmer.scrape(),
        (seen) => seen.value('farmer_contracts_rejected_total', { reason: 'hash_mismatch' }) >= 3,
      );
      const metrics = await farmer.scrape();
      expect(metrics.value('farmer_challenges_passed_total')).toBe(0);

      await farmer.stop();
      expect(await bed.chunkFiles(volume)).toEqual([]);
    });
  });

  it('goes on with the contracts it has when the disk is full, and takes no more', async () => {
    await inTestBed(async (bed) => {
      await bed.mockNode();
      // Room for the genesis file, one chunk, and part of another.
      const farmer = await bed.farmer({ diskMiB: 80, env: { FARMER_SIZE: '512MiB', FARMER_MIN_FREE: '0' } });
      await farmer.passes(4);
      const metrics = await farmer.scrape();
      expect(metrics.value('farmer_contracts', { state: 'waiting' })).toBeLessThanOrEqual(1);
      expect(metrics.value('farmer_contracts', { state: 'generating' })).toBeLessThanOrEqual(4);
      const whole = (await farmer.shell('ls /data/chunks')).split('\n').filter((name) => !name.endsWith('.partial'));
      expect(whole).toHaveLength(1);
      expect((await farmer.stop()).exitCode).toBe(0);
    });
  });

  it('is filled anew, and passes, on a node that lost its memory', async () => {
    await inTestBed(async (bed) => {
      const genesis = createGenesis('what both have');
      const node = await bed.mockNode((node) => node.withGenesis(genesis.content));
      const farmer = await bed.farmer({ genesis, env: { FARMER_SIZE: '192KiB' } });
      await farmer.filled();
      await farmer.passes(3);

      await node.restart();
      await eventually(
        'the loss of the token',
        async () => await farmer.scrape(),
        (seen) => seen.value('farmer_contracts_ended_total', { reason: 'token_lost' }) === 3,
      );
      await farmer.filled();
      await farmer.passes(3);
      expect((await node.scrape()).value('mock_node_challenges_total', { result: 'wrong' })).toBe(0);
    });
  });
});
