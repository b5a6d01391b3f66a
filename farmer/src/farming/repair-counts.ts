import type { Contract } from '../contract/contract.ts';

/** Chunks that were found missing, damaged or on a failed disk. */
export interface Repairs {
  /** Since the farmer started. A chunk whose disk works again need not be rebuilt. */
  readonly lost: number;
  /** Since the farmer started. */
  readonly rebuilt: number;
  /** Now. */
  readonly rebuilding: number;
}

export const NO_REPAIRS: Repairs = { lost: 0, rebuilt: 0, rebuilding: 0 };

/** Whether a chunk that existed is being created again. */
export function isRebuilding(contract: Contract): boolean {
  return contract.phase === 'generating' && contract.hadChunk;
}

/** Counts repairs from the transitions of contracts. */
export class RepairCounts {
  #lost = 0;
  #rebuilt = 0;
  #rebuilding = 0;

  get current(): Repairs {
    return { lost: this.#lost, rebuilt: this.#rebuilt, rebuilding: this.#rebuilding };
  }

  /** @param before undefined for a contract that enters the table @param after undefined for one that leaves it */
  moved(before: Contract | undefined, after: Contract | undefined): void {
    const was = before !== undefined && isRebuilding(before);
    const is = after !== undefined && isRebuilding(after);
    this.#rebuilding += Number(is) - Number(was);
    if (is && !was && before !== undefined) this.#lost += 1;
  }

  chunkRebuilt(): void {
    this.#rebuilt += 1;
  }

  /** The chunks that exist are known: all others are lost. */
  chunksFound(): void {
    this.#lost = this.#rebuilding;
  }
}
