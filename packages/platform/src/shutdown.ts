import { TimeoutError, waitAtMost } from './abort.ts';
import type { Logger } from './logger.ts';

/**
 * Closes components in reverse order, within a time budget for all of them. A component that fails or exceeds the
 * budget is logged, and the others are still closed.
 */
export class Shutdown {
  readonly #components: { name: string; close: () => unknown }[] = [];
  readonly #log: Pick<Logger, 'error'>;

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log;
  }

  add(name: string, close: () => unknown): void {
    this.#components.push({ name, close });
  }

  /** @returns whether all components closed without an error and in time */
  async run(budgetMs: number): Promise<boolean> {
    const endMs = performance.now() + budgetMs;
    let isClean = true;
    for (const { name, close } of this.#components.splice(0).reverse()) {
      try {
        await waitAtMost(Math.max(1, endMs - performance.now()), Promise.try(close));
      } catch (error) {
        isClean = false;
        if (error instanceof TimeoutError)
          this.#log.error('component not closed in time', { component: name, budgetMs });
        else this.#log.error('closing component failed', { component: name, error });
      }
    }
    return isClean;
  }
}
