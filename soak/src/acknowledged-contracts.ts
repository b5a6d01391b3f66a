import type { FarmerLine } from './farmer-line.ts';

/** The contracts that a farmer has acknowledged, according to its log. */
export class AcknowledgedContracts {
  readonly #current = new Set<string>();
  readonly #all = new Set<string>();

  /** @returns the contract that the farmer dropped with this line, if any */
  observe({ message, contract, reason }: FarmerLine): string | undefined {
    if (contract === undefined) return undefined;
    if (message === 'contract accepted') {
      this.#current.add(contract);
      this.#all.add(contract);
    }
    // Rejecting a duplicate offer does not drop the contract that is held.
    const isDropped = message === 'contract ended' || (message === 'contract rejected' && reason !== 'duplicate');
    return isDropped && this.#current.delete(contract) ? contract : undefined;
  }

  /** Acknowledged and not dropped since. */
  get current(): ReadonlySet<string> {
    return this.#current;
  }

  /** Acknowledged at any time. */
  get all(): ReadonlySet<string> {
    return this.#all;
  }
}
