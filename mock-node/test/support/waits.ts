import type { Clock } from '@downstream/platform';

/** A wait of the node that ends when the test says so. */
export interface HeldWait {
  readonly ms: number;
  readonly isAborted: () => boolean;
  readonly end: () => void;
}

/** Replaces the waits of a node, so that no test waits in real time. */
export class Waits {
  readonly #isHeld: boolean;
  /** Waits that the test has not taken yet. */
  #begun: HeldWait[] = [];
  #takers: ((wait: HeldWait) => void)[] = [];

  /** @param isHeld whether waits last until the test ends them. Otherwise they end at once. */
  constructor({ isHeld }: { isHeld: boolean }) {
    this.#isHeld = isHeld;
  }

  /** Stands in for the node's `sleep`. */
  readonly sleep: Clock['sleep'] = async (ms, signal) => {
    signal?.throwIfAborted();
    if (ms <= 0 || !this.#isHeld) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => reject(signal.reason));
    const wait = { ms, isAborted: () => signal?.aborted === true, end: resolve };
    const taker = this.#takers.shift();
    if (taker === undefined) this.#begun.push(wait);
    else taker(wait);
    await promise;
  };

  /** Resolves when the node begins its next wait. */
  async next(): Promise<HeldWait> {
    return this.#begun.shift() ?? (await new Promise((resolve) => this.#takers.push(resolve)));
  }
}
