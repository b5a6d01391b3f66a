import { dueContract, listedContract } from '@downstream/protocol';
import type { ContractId } from '../contract/contract.ts';
import type { Listing, ListingOptions } from '../farming/ports.ts';

const MAX_UNKNOWN = 1_000;

/** Builds a listing from the entries of a response. Its size is bounded by the contracts that this farmer has. */
export class ListingBuilder implements Listing {
  readonly held = new Set<ContractId>();
  readonly open = new Map<ContractId, string>();
  readonly skipped = { invalid_contract: 0, invalid_challenge: 0, surplus: 0 };
  readonly #isKnown: (id: ContractId) => boolean;
  #unknown = 0;

  constructor(isKnown: ListingOptions['isKnown'] = () => true) {
    this.#isKnown = isKnown;
  }

  /** Adds an entry of `all_contracts`. @returns whether it identifies a contract */
  addContract(entry: unknown): boolean {
    const { data } = listedContract.safeParse(entry);
    if (data === undefined) this.skipped.invalid_contract += 1;
    else this.#hold(data.hash);
    return data !== undefined;
  }

  /** Adds an entry of `due_contracts`. @returns whether it identifies a contract */
  addDue(entry: unknown): boolean {
    const { data } = dueContract.safeParse(entry);
    if (data === undefined) {
      this.skipped.invalid_contract += 1;
      return false;
    }
    const { hash, challenge } = data;
    // A contract with an open challenge is running, even if `all_contracts` omits it.
    const isKnown = this.#hold(hash);
    const isDuplicate = this.open.has(hash) && this.open.get(hash) !== challenge;
    if (challenge === undefined || isDuplicate) this.skipped.invalid_challenge += 1;
    else if (isKnown) this.open.set(hash, challenge);
    return true;
  }

  /** @returns whether this farmer has the contract */
  #hold(id: ContractId): boolean {
    const isKnown = this.#isKnown(id);
    if (isKnown || this.held.has(id)) this.held.add(id);
    else if (this.#unknown === MAX_UNKNOWN) this.skipped.surplus += 1;
    else {
      this.held.add(id);
      this.#unknown += 1;
    }
    return isKnown;
  }
}
