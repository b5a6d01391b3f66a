import type { ContractTables } from './contract-tables.ts';
import type { FreeSpacePort } from './ports.ts';

interface SpaceBudgetDeps {
  readonly freeSpace: FreeSpacePort;
  readonly tables: Pick<ContractTables, 'generating'>;
}

/** The disk space for new contracts, shared by all nodes. A requested contract counts before it arrives. */
export class SpaceBudget {
  readonly #deps: SpaceBudgetDeps;
  #requested = 0;

  constructor(deps: SpaceBudgetDeps) {
    this.#deps = deps;
  }

  get hasSpace(): boolean {
    const { freeSpace, tables } = this.#deps;
    return freeSpace.chunks > tables.generating + this.#requested;
  }

  /** Reserves space for one contract while it is being requested. */
  async reserveWhile<T>(request: () => Promise<T>): Promise<T> {
    this.#requested += 1;
    try {
      return await request();
    } finally {
      this.#requested -= 1;
    }
  }
}
