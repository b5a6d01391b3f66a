import { eventually } from './eventually.ts';
import { createGenesis } from './genesis.ts';
import type { FarmerService, MockNodeService } from './service.ts';

/** A genesis file so small that three chunks are made at once; with the settings of a farmer that has room for them. */
export const SMALL_FARM = { genesis: createGenesis('what both have'), env: { FARMER_SIZE: '192KiB' } };

/** The hashes of the contracts on a node's books. */
export async function listContractHashes(node: MockNodeService): Promise<string[]> {
  return (await node.control.listContracts()).map(({ hash }) => hash).sort();
}

/** Waits until every contract that the node has now has passed once more. */
export async function waitUntilEachContractPasses(node: MockNodeService): Promise<void> {
  const before = new Map((await node.control.listContracts()).map(({ hash, passed }) => [hash, passed]));
  await eventually(
    'every contract to pass again',
    async () => {
      const now = new Map((await node.control.listContracts()).map(({ hash, passed }) => [hash, passed]));
      return [...before].filter(([hash, passed]) => (now.get(hash) ?? 0) <= passed).map(([hash]) => hash);
    },
    (silent) => silent.length === 0,
  );
}

/** What a farmer counted as failed, by its reasons, those without any left out. */
export async function fetchFailuresByReason(farmer: FarmerService): Promise<Record<string, number>> {
  return (await farmer.scrape()).byLabel('farmer_challenges_failed_total', 'reason');
}
