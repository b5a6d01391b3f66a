import type { Instant } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';

/** A disk is unreliable after errors on this many different chunks within an hour, or this many timeouts in a row. */
const FAILURE_LIMIT = 3;
const ERROR_WINDOW_MS = 3_600_000;

/** Recent errors and slow operations of one disk. */
export class DiskHealth {
  /** Of the last chunks with errors, at most as many as it takes to be unreliable. */
  #errors: readonly { readonly id: ContractId; readonly at: Instant }[] = [];
  #timeoutsInARow = 0;
  #successes = 0;
  /** Slow reads by chunk: how many, and how often the disk had succeeded at the last one. */
  readonly #slowChunks = new Map<ContractId, { readonly times: number; readonly successes: number }>();

  /** Records a failed read or write. @returns whether the disk is unreliable */
  recordError(id: ContractId, now: Instant): boolean {
    const others = this.#errors.filter((error) => error.id !== id && now - error.at < ERROR_WINDOW_MS);
    this.#errors = [...others.slice(1 - FAILURE_LIMIT), { id, at: now }];
    return this.#errors.length >= FAILURE_LIMIT;
  }

  /** Records an operation that timed out. @returns whether the disk is too slow */
  recordTimeout(): boolean {
    this.#timeoutsInARow += 1;
    return this.#timeoutsInARow >= FAILURE_LIMIT;
  }

  /**
   * Records a chunk that was not read in time. Counts only if other reads succeeded in between: when the whole disk is
   * slow, a slow read says nothing about the chunk.
   *
   * @returns whether the chunk should be rebuilt in another place
   */
  recordSlowChunk(id: ContractId): boolean {
    const { times, successes } = this.#slowChunks.get(id) ?? { times: 0, successes: undefined };
    if (successes === this.#successes) return false;
    this.#slowChunks.set(id, { times: times + 1, successes: this.#successes });
    if (times + 1 < FAILURE_LIMIT) return false;
    this.#slowChunks.delete(id);
    return true;
  }

  /** Records a chunk that was read or written in time. */
  recordSuccess(id: ContractId): void {
    this.#timeoutsInARow = 0;
    this.#successes += 1;
    this.#slowChunks.delete(id);
  }

  forgetChunk(id: ContractId): void {
    this.#slowChunks.delete(id);
  }

  reset(): void {
    this.#errors = [];
    this.#timeoutsInARow = 0;
    this.#slowChunks.clear();
  }
}
