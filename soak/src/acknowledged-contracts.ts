import type { FarmerLine } from './farmer-line.ts';

/** What a farmer said that it holds: the contracts that it acknowledged and did not end since. */
export class Promises {
  readonly #held = new Set<string>();
  readonly #ever = new Set<string>();

  /** @returns the contract that it gave up with this line, if it did */
  hear({ message, contract, reason }: FarmerLine): string | undefined {
    if (contract === undefined) return undefined;
    if (message === 'contract taken') {
      this.#held.add(contract);
      this.#ever.add(contract);
    }
    // One that is offered twice is refused, and the one held stays.
    const isOver = message === 'contract ended' || (message === 'contract refused' && reason !== 'duplicate');
    return isOver && this.#held.delete(contract) ? contract : undefined;
  }

  /** Acknowledged, and not given up since. */
  get held(): ReadonlySet<string> {
    return this.#held;
  }

  /** Acknowledged at any time. */
  get ever(): ReadonlySet<string> {
    return this.#ever;
  }
}
