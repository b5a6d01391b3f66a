import { splitCapacity } from '../contract/capacity.ts';
import type { ContractTable } from './contract-table.ts';
import type { ExitStorePort } from './ports.ts';

interface Member {
  /** Its share of the capacity in relation to the others. */
  readonly share: number;
  readonly contracts: Pick<ContractTable, 'size'>;
  readonly exitStore: Pick<ExitStorePort, 'exitState'>;
}

/**
 * Divides the capacity among the nodes in use. A node that the farmer exits keeps what it still holds; the rest is free
 * for the others.
 */
export class CapacityShares {
  /** How many contracts fit into the configured capacity. */
  readonly total: number;
  readonly #members: readonly Member[];

  constructor(total: number, members: readonly Member[]) {
    this.total = total;
    this.#members = members;
  }

  /** How many contracts a node may hold now. */
  get(contracts: Member['contracts']): number {
    const parts = splitCapacity(
      this.total,
      this.#members.map((member) => ({
        share: member.share,
        contracts: member.contracts.size,
        isInUse: member.exitStore.exitState() === 'active',
      })),
    );
    return parts[this.#members.findIndex((member) => member.contracts === contracts)] ?? 0;
  }
}
