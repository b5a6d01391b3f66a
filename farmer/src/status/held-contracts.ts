import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import type { HeldContract } from '../control/held-contract.ts';
import type { ContractTable } from '../farming/contract-table.ts';

export interface HeldContractSources {
  readonly farmer: {
    readonly nodes: readonly {
      readonly alias: string;
      readonly contracts: Pick<ContractTable, 'size' | 'list' | 'listNextDue'>;
    }[];
  };
  readonly disks: { find(id: ContractId): { readonly path: string } | undefined };
}

/** The `count` contracts with the next deadlines of all nodes, in order. Visits every contract. */
export function listNextDue({ farmer, disks }: HeldContractSources, count: number): HeldContract[] {
  return farmer.nodes
    .flatMap(({ alias, contracts }) => contracts.listNextDue(count).map((contract) => ({ contract, node: alias })))
    .sort((a, b) => dueAt(a.contract) - dueAt(b.contract))
    .slice(0, count)
    .map((held) => ({ ...held, disk: findDisk(disks, held.contract) }));
}

/** `count` contracts after the first `skip`, by node and in the order of acceptance. */
export function listInOrder(
  { farmer, disks }: HeldContractSources,
  { skip, count }: { skip: number; count: number },
): HeldContract[] {
  const found: HeldContract[] = [];
  let before = skip;
  for (const { alias, contracts } of farmer.nodes) {
    const some = contracts.list({ skip: before, count: count - found.length });
    found.push(...some.map((contract) => ({ contract, node: alias, disk: findDisk(disks, contract) })));
    before = Math.max(0, before - contracts.size);
  }
  return found;
}

function findDisk(disks: HeldContractSources['disks'], { terms }: Contract): string | undefined {
  return disks.find(terms.id)?.path;
}
