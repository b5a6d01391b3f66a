import type { NodeReference } from '../contract/contract.ts';

/**
 * Finds the contract of an entry among those that a request was about. Nodes may answer text with a number: the node of
 * 2015 sends the number of a contract, whichever type it was asked with.
 */
export class ContractReferences<T extends { readonly reference: NodeReference }> {
  readonly #contracts: ReadonlyMap<NodeReference, T>;

  constructor(contracts: readonly T[]) {
    this.#contracts = new Map(contracts.map((contract) => [contract.reference, contract]));
  }

  find(reference: NodeReference): T | undefined {
    return this.#contracts.get(reference) ?? this.#contracts.get(String(reference));
  }
}
