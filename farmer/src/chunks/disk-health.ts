import type { Instant } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';

/** This many different chunks with errors within an hour, or slow operations in a row, make a disk unreliable. */
const STRIKES = 3;
const STRIKE_WINDOW_MS = 3_600_000;

/** Recent errors and slow operations of one disk. */
export class DiskHealth {
  #strikes: readonly { readonly id: ContractId; readonly at: Instant }[] = [];
  #slowInARow = 0;
  #successes = 0;
  /** Slow reads by chunk: how many, and how often the disk had succeeded at the last one. */
  readonly #slowChunks = new Map<ContractId, { readonly times: number; readonly successes: number }>();

  /** Records a failed read or write. @returns whether the disk is unreliable */
  recordError(id: ContractId, now: Instant): boolean {
    const others = this.#strikes.filter((strike) => strike.id !== id && now - strike.at < STRIKE_WINDOW_MS);
    this.#strikes = [...others, { id, at: now }];
    return this.#strikes.length >= STRIKES;
  }

  /** Records an operation that timed out. @returns whether the disk is too slow */
  recordTimeout(): boolean {
    this.#slowInARow += 1;
    return this.#slowInARow >= STRIKES;
  }

  /**
   * Records a chunk that was not read in time. Counts only if other reads succeeded in between: when the whole disk is
   * slow, a slow read says nothing about the chunk.
   *
   * @returns whether the chunk is in a bad place and should be rebuilt
   */
  recordSlowChunk(id: ContractId): boolean {
    const { times, successes } = this.#slowChunks.get(id) ?? { times: 0, successes: undefined };
    if (successes === this.#successes) return false;
    this.#slowChunks.set(id, { times: times + 1, successes: this.#successes });
    if (times + 1 < STRIKES) return false;
    this.#slowChunks.delete(id);
    return true;
  }

  /** Records a chunk that was read or written in time. */
  recordSuccess(id: ContractId): void {
    this.#slowInARow = 0;
    this.#successes += 1;
    this.#slowChunks.delete(id);
  }

  forgetChunk(id: ContractId): void {
    this.#slowChunks.delete(id);
  }

  reset(): void {
    this.#strikes = [];
    this.#slowInARow = 0;
    this.#slowChunks.clear();
  }
}
