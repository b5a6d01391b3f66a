import type { Logger } from './logger.ts';

/**
 * What has been opened and must be closed: last opened, first closed, all within one budget of time.
 * A closer that fails or overruns is named in the log, and the next ones still run.
 */
export class Shutdown {
  readonly #closers: { name: string; close: () => unknown }[] = [];
  readonly #log: Pick<Logger, 'error'>;

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log;
  }

  add(name: string, close: () => unknown): void {
    this.#closers.push({ name, close });
  }

  /** @returns whether everything closed in order and in time */
  async run(budgetMs: number): Promise<boolean> {
    const end = performance.now() + budgetMs;
    let clean = true;
    for (const { name, close } of this.#closers.splice(0).reverse()) {
      try {
        const left = Math.max(0, end - performance.now());
        if (!(await settlesWithin(left, async () => close()))) {
          clean = false;
          this.#log.error('closing took too long', { part: name, budgetMs });
        }
      } catch (error) {
        clean = false;
        this.#log.error('closing failed', { part: name, error });
      }
    }
    return clean;
  }
}

async function settlesWithin(ms: number, work: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work().then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
