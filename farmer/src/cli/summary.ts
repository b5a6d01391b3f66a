import type { Logger } from '@downstream/platform';
import type { Status } from '../http/status.ts';
import type { FillingProgress } from './progress.ts';

interface SummaryParts {
  readonly status: () => Status;
  readonly log: Logger;
  readonly progress: FillingProgress;
}

const LOOK_MS = 250;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/** Says in one line how the farm is doing: often at first, when somebody looks, then every five minutes. */
export class Summary {
  readonly #parts: SummaryParts;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #nextAt = performance.now() + FIRST_PAUSE_MS;

  constructor(parts: SummaryParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#parts.progress.stop();
  }

  #look(): void {
    const { contracts, challenges, nextDue, nodes } = this.#parts.status();
    const { passed, failed } = challenges;
    const made = contracts.total - contracts.generating;
    this.#parts.progress.update({ made, wanted: contracts.capacity, passed, failed });
    if (performance.now() < this.#nextAt) return;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#nextAt = performance.now() + this.#pauseMs;
    this.#parts.log.info('farming', {
      contracts: `${made}/${contracts.capacity}`,
      passed,
      failed,
      nextDue,
      nodesReachable: `${nodes.filter(({ reachable }) => reachable).length}/${nodes.length}`,
    });
  }
}
