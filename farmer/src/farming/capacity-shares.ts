import { computeUsableBytes, countChunks, splitCapacity } from '../contract/capacity.ts';
import type { ContractTable } from './contract-table.ts';
import type { ExitStorePort, NodePort } from './ports.ts';

type Contracts = Pick<ContractTable, 'size' | 'bytes' | 'chunkBytes'>;

interface Member {
  /** Its share of the capacity in relation to the others. */
  readonly share: number;
  readonly node: { readonly traits: Pick<NodePort['traits'], 'chunkSizesVary'> };
  readonly contracts: Contracts;
  readonly exitStore: Pick<ExitStorePort, 'exitState'>;
}

/**
 * Divides the capacity among the nodes in use. A node that the farmer exits keeps what it still holds; the rest is free
 * for the others.
 */
export class CapacityShares {
  /** The capacity of each disk in bytes. */
  readonly #capacities: readonly number[];
  readonly #members: readonly Member[];

  constructor(capacities: readonly number[], members: readonly Member[]) {
    this.#capacities = capacities;
    this.#members = members;
  }

  /** How large all chunks together may be: the capacity without what remains on each disk, too small for a chunk. */
  get totalBytes(): number {
    return computeUsableBytes(this.#capacities, Math.min(...this.#members.map(getUnitBytes)));
  }

  /** How large the chunks of a node may be together. */
  getBytes(contracts: Contracts): number {
    const parts = splitCapacity(
      this.totalBytes,
      this.#members.map((member) => ({
        share: member.share,
        bytes: member.contracts.bytes,
        unitBytes: getUnitBytes(member),
        isInUse: isInUse(member),
      })),
    );
    return parts[this.#members.findIndex((member) => member.contracts === contracts)] ?? 0;
  }

  /** How many contracts a node may hold, if its chunks stay as large on average as they are. */
  countContracts(contracts: Contracts): number {
    const { size, bytes, chunkBytes } = contracts;
    return countChunks(this.getBytes(contracts), size === 0 ? chunkBytes : bytes / size);
  }
}

function isInUse({ exitStore }: Member): boolean {
  return exitStore.exitState() === 'active';
}

function getUnitBytes({ node, contracts }: Member): number {
  return node.traits.chunkSizesVary ? 1 : contracts.chunkBytes;
}
