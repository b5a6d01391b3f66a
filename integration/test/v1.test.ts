import { describe, expect, it } from '@jest/globals';
import { fetchFailuresByReason, waitUntilEachContractPasses } from '../src/farm-helpers.ts';
import { inTestBed } from '../src/test-bed.ts';

const CHUNK_BYTES = 64 * 1024;

describe('A farmer of nodes with the v1 API', () => {
  it('fills its capacity with Merkle and Swizzle contracts, and keeps them after it was killed', async () => {
    await inTestBed(async (bed) => {
      // Longer than a restart takes on a busy machine, so that no challenge is missed.
      const [merkle, swizzle] = await Promise.all([
        bed.startMockNode((node) => node.withScheme('merkle').withChunkSizes(CHUNK_BYTES).withInterval(12), 'merkle'),
        bed.startMockNode((node) => node.withScheme('swizzle').withChunkSizes(CHUNK_BYTES).withInterval(12), 'swizzle'),
      ]);
      const env = {
        FARMER_NODE_URL: 'http://merkle:5000,http://swizzle:5000',
        FARMER_PROTOCOL: 'v1',
        FARMER_SIZE: '384KiB',
      };
      const setup = { volume: await bed.createVolume(), env };
      const before = await bed.startFarmer(setup);
      const { nodes } = await before.waitUntilFull();
      expect(nodes.map(({ contracts }) => contracts.total)).toEqual([3, 3]);
      await before.waitForPasses(6);
      const chunks = await bed.listChunkFiles(setup.volume);
      expect(chunks).toHaveLength(6);
      await before.kill();

      const after = await bed.startFarmer(setup);
      await Promise.all([merkle, swizzle].map(waitUntilEachContractPasses));
      expect(await fetchFailuresByReason(after)).toEqual({});
      for (const counted of await Promise.all([merkle.scrape(), swizzle.scrape()])) {
        expect(counted.value('mock_node_proofs_rejected_total')).toBe(0);
        expect(counted.value('mock_node_contracts_ended_total')).toBe(0);
      }
      expect((await after.status()).nodes.map(({ farmerId }) => farmerId)).toEqual(
        nodes.map(({ farmerId }) => farmerId),
      );
      expect(await bed.listChunkFiles(setup.volume)).toEqual(chunks);
      expect(await after.exec('downstream', 'scrub')).toMatch(/^all chunks are intact \(6 of 6\)$/m);
    });
  });
});
