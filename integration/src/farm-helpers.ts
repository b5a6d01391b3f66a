import { eventually } from './eventually.ts';
import { createGenesis } from './genesis.ts';
import type { FarmerService, MockNodeService } from './service.ts';
import type { TestBed } from './test-bed.ts';

/** A small genesis file, and the settings of a farmer with capacity for three such chunks. */
export const SMALL_FARM = { genesis: createGenesis('shared'), env: { FARMER_SIZE: '192KiB' } };

/** Starts a farmer at its capacity. @returns the farmer, and its contracts after each has passed */
export async function startPassingFarmer(
  bed: TestBed,
  node: MockNodeService,
  options: Parameters<TestBed['startFarmer']>[0] = SMALL_FARM,
): Promise<{ farmer: FarmerService; contracts: string[] }> {
  const farmer = await bed.startFarmer(options);
  await farmer.waitUntilFull();
  await waitUntilEachContractPasses(node);
  return { farmer, contracts: await listContractHashes(node) };
}

/** Lists the hashes of a node's contracts, sorted. */
export async function listContractHashes(node: MockNodeService): Promise<string[]> {
  return (await node.control.listContracts()).map(({ hash }) => hash).sort();
}

/** Waits until each of the node's present contracts has passed another challenge. */
export async function waitUntilEachContractPasses(node: MockNodeService): Promise<void> {
  const before = new Map((await node.control.listContracts()).map(({ hash, passed }) => [hash, passed]));
  await eventually(
    'every contract to pass another challenge',
    async () => {
      const now = new Map((await node.control.listContracts()).map(({ hash, passed }) => [hash, passed]));
      return [...before].filter(([hash, passed]) => (now.get(hash) ?? 0) <= passed).map(([hash]) => hash);
    },
    (pending) => pending.length === 0,
  );
}

/** Returns a farmer's failed challenges by reason, without zeros. */
export async function fetchFailuresByReason(farmer: FarmerService): Promise<Record<string, number>> {
  return (await farmer.scrape()).byLabel('farmer_challenges_failed_total', 'reason');
}
