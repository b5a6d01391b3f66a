import type { Logger } from '@downstream/platform';
import type { Status } from '../status/status.ts';
import type { ChunkProgressBar } from './progress-bar.ts';

interface StatusLoggerDeps {
  readonly status: () => Status;
  readonly log: Logger;
  readonly progress: ChunkProgressBar;
}

const CHECK_INTERVAL_MS = 250;
const FIRST_INTERVAL_MS = 5_000;
const MAX_INTERVAL_MS = 300_000;

/**
 * Logs the farmer's status, first after five seconds and then at doubling intervals of up to five minutes, and updates
 * the progress bar.
 */
export class StatusLogger {
  readonly #deps: StatusLoggerDeps;
  #timer: NodeJS.Timeout | undefined;
  #intervalMs = FIRST_INTERVAL_MS;
  #nextAt = 0;

  constructor(deps: StatusLoggerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#nextAt = performance.now() + FIRST_INTERVAL_MS;
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#deps.progress.stop();
  }

  #check(): void {
    const { contracts, challenges, nextDue, nodes } = this.#deps.status();
    const used = nodes.filter(({ exitState }) => exitState !== 'exited');
    const { passed, failed } = challenges;
    const generated = contracts.total - contracts.generating;
    this.#deps.progress.update({ generated, capacity: contracts.capacity, passed, failed });
    if (performance.now() < this.#nextAt) return;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, this.#intervalMs * 2);
    this.#nextAt = performance.now() + this.#intervalMs;
    this.#deps.log.info('farmer status', {
      contracts: `${generated}/${contracts.capacity}`,
      passed,
      failed,
      nextDue,
      nodesWorking: `${used.filter(({ reachable, problem }) => reachable && problem === null).length}/${used.length}`,
      ...(used.length < nodes.length && { nodesExited: nodes.length - used.length }),
    });
  }
}
