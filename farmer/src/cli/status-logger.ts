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

/** Says in one line how the farm is doing: often at first, when somebody looks, then every five minutes. */
export class StatusLogger {
  readonly #deps: StatusLoggerDeps;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_INTERVAL_MS;
  #nextAt = performance.now() + FIRST_INTERVAL_MS;

  constructor(parts: StatusLoggerDeps) {
    this.#deps = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#deps.progress.stop();
  }

  #look(): void {
    const { contracts, challenges, nextDue, nodes } = this.#deps.status();
    const { passed, failed } = challenges;
    const made = contracts.total - contracts.generating;
    this.#deps.progress.update({ made, wanted: contracts.capacity, passed, failed });
    if (performance.now() < this.#nextAt) return;
    this.#pauseMs = Math.min(MAX_INTERVAL_MS, this.#pauseMs * 2);
    this.#nextAt = performance.now() + this.#pauseMs;
    this.#deps.log.info('farming', {
      contracts: `${made}/${contracts.capacity}`,
      passed,
      failed,
      nextDue,
      nodesReachable: `${nodes.filter(({ reachable }) => reachable).length}/${nodes.length}`,
    });
  }
}
