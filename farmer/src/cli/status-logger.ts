import type { LogFields, Logger } from '@downstream/platform';
import type { Status } from '../status/status.ts';
import type { ChunkProgressBar } from './progress-bar.ts';

interface StatusLoggerDeps {
  readonly status: () => Status;
  readonly log: Logger;
  readonly progress: Pick<ChunkProgressBar, 'isEnabled' | 'update' | 'stop'>;
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

  /** Reads the status only if it is needed, because that takes longer than most other work of the event loop. */
  #check(): void {
    const { progress } = this.#deps;
    const isDue = performance.now() >= this.#nextAt;
    if (!isDue && !progress.isEnabled) return;
    const status = this.#deps.status();
    const { contracts, challenges, results } = status;
    const { passed, failed } = challenges;
    const { capacity } = contracts;
    progress.update({
      generated: countGenerated(status),
      capacity,
      passed,
      failed,
      since: results?.since,
    });
    if (!isDue) return;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, this.#intervalMs * 2);
    this.#nextAt = performance.now() + this.#intervalMs;
    this.#deps.log.info('farmer status', toLogFields(status));
  }
}

/** The fields of the line `farmer status`. Nodes that the farmer has exited are not counted as nodes in use. */
export function toLogFields(status: Status): LogFields {
  const { contracts, challenges, results, nextDue, nodes } = status;
  const used = nodes.filter(({ exitState }) => exitState !== 'exited');
  const working = used.filter(({ reachable, problem }) => reachable && problem === null);
  return {
    contracts: `${countGenerated(status)}/${contracts.capacity}`,
    passed: challenges.passed,
    failed: challenges.failed,
    // The period of these two totals.
    ...(results?.since && { since: results.since }),
    nextDue,
    nodesWorking: `${working.length}/${used.length}`,
    ...(used.length < nodes.length && { nodesExited: nodes.length - used.length }),
  };
}

function countGenerated({ contracts: { total, generating } }: Status): number {
  return total - generating;
}
