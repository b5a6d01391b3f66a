import type { FarmerLine } from './farmer-line.ts';

/** Translates between the farmer's id of a contract, which names its chunk file, and the node's name for it. */
export class ContractNames {
  readonly #idsByName = new Map<string, string>();
  readonly #namesById = new Map<string, string>();

  /** @returns the line with the node's name for its contract */
  translate(line: FarmerLine): FarmerLine {
    const { contract, reference } = line;
    if (contract === undefined) return line;
    if (reference !== undefined) {
      this.#idsByName.set(String(reference), contract);
      this.#namesById.set(contract, String(reference));
    }
    return { ...line, contract: this.#namesById.get(contract) ?? contract };
  }

  /** The farmer's id. In the v1 API, it is unknown until the farmer has logged that it accepted the contract. */
  getId(name: string): string {
    return this.#idsByName.get(name) ?? name;
  }
}
