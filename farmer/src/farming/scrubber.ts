import type { Instant, Logger } from '@downstream/platform';
import type { ChunkTerms, ContractId } from '../contract/contract.ts';
import type { ContractTables } from './contract-tables.ts';
import { ChunkError } from './errors.ts';
import type { SharedDeps } from './node-components.ts';
import { type ChunkPort, SCRUB_RESULTS, type ScrubResult, type ScrubStorePort, type StoredScrub } from './ports.ts';

interface ScrubberDeps extends Pick<SharedDeps, 'chunkWork' | 'clock'> {
  readonly chunks: Pick<ChunkPort, 'verify'>;
  readonly contracts: ContractTables;
  readonly store: ScrubStorePort;
  readonly onResult: (result: ScrubResult) => void;
  readonly log: Logger;
}

/** The state of the last requested scrub. */
export interface ScrubProgress {
  readonly running: boolean;
  readonly startedAt: Instant | undefined;
  readonly finishedAt: Instant | undefined;
  /** Chunks visited so far. */
  readonly done: number;
  readonly total: number;
  readonly results: Readonly<Record<ScrubResult, number>>;
}

const POLL_MS = 1_000;
const IDLE_MS = 60_000;
const NO_SCRUB: ScrubProgress = {
  running: false,
  startedAt: undefined,
  finishedAt: undefined,
  done: 0,
  total: 0,
  results: { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
};

/**
 * Verifies every chunk against its hash in cycles, so that corruption is found while there is time for a rebuild. Skips
 * chunks that a proof has read since the cycle started. Reads one chunk at a time, only while no job with a deadline
 * waits for a worker, and spreads the reads evenly over the cycle.
 */
export class Scrubber {
  readonly #cycleMs: number | undefined;
  readonly #deps: ScrubberDeps;
  #progress: ScrubProgress = NO_SCRUB;
  /** The position in the current cycle, even if it could not be stored. */
  #cycle: StoredScrub | undefined;
  #wake = new AbortController();

  /** @param cycleMs the time in which every chunk is verified once; undefined: only on request */
  constructor({ cycleMs }: { cycleMs: number | undefined }, deps: ScrubberDeps) {
    this.#cycleMs = cycleMs;
    this.#deps = deps;
    this.#cycle = deps.store.scrub();
  }

  /** When the last cycle was completed. */
  get completedAt(): Instant | undefined {
    return this.#cycle?.completedAt;
  }

  /** The last requested scrub. */
  get progress(): ScrubProgress {
    return this.#progress;
  }

  /** Verifies every chunk now, even if a proof has read it. Has no effect while a requested scrub runs. */
  start(): ScrubProgress {
    if (!this.#progress.running) {
      const { clock, contracts } = this.#deps;
      this.#progress = { ...NO_SCRUB, running: true, startedAt: clock.now(), total: contracts.ids().length };
      this.#wake.abort();
      this.#wake = new AbortController();
    }
    return this.#progress;
  }

  async run(signal: AbortSignal): Promise<void> {
    const cycleMs = this.#cycleMs;
    while (!signal.aborted) {
      if (this.#progress.running) await this.#runRequested(signal);
      else if (cycleMs === undefined || this.#deps.contracts.ids().length === 0) await this.#rest(IDLE_MS, signal);
      else await this.#runCycle(cycleMs, signal);
    }
  }

  async #runRequested(signal: AbortSignal): Promise<void> {
    const { clock, contracts, log } = this.#deps;
    for (const id of contracts.ids()) {
      await this.#waitForIdleWorkers(signal);
      const result = await this.#verify(id, signal);
      const { done, results } = this.#progress;
      this.#progress = {
        ...this.#progress,
        done: done + 1,
        results: result === undefined ? results : { ...results, [result]: results[result] + 1 },
      };
    }
    const finishedAt = clock.now();
    this.#progress = { ...this.#progress, running: false, finishedAt };
    this.#save({ startedAt: finishedAt, cursor: '', completedAt: finishedAt });
    log.info('scrub finished', { chunks: this.#progress.total, ...this.#progress.results });
  }

  /** Runs a cycle, or the rest of one that was started earlier. Returns early when a scrub is requested. */
  async #runCycle(cycleMs: number, signal: AbortSignal): Promise<void> {
    const { clock, contracts, onResult } = this.#deps;
    const { startedAt, cursor, completedAt } = this.#cycle ?? { startedAt: clock.now(), cursor: '' };
    const ids = contracts.ids().filter((id) => id > cursor);
    let lastReadMs = 0;
    for (const [at, id] of ids.entries()) {
      const shareMs = (startedAt + cycleMs - clock.now()) / (ids.length - at);
      await this.#rest(Math.max(shareMs, lastReadMs), signal);
      if (this.#progress.running) return;
      await this.#waitForIdleWorkers(signal);
      const readAt = clock.now();
      if ((this.#getVerifiedAt(id) ?? 0) > startedAt) onResult('proved');
      else await this.#verify(id, signal);
      lastReadMs = clock.now() - readAt;
      this.#save({ startedAt, cursor: id, completedAt });
    }
    this.#save({ startedAt: clock.now(), cursor: '', completedAt: clock.now() });
  }

  /** If the position can't be stored, the cycle resumes at an earlier position after a restart. */
  #save(cycle: StoredScrub): void {
    this.#cycle = cycle;
    try {
      this.#deps.store.saveScrub(cycle);
    } catch (error) {
      this.#deps.log.warn('scrub progress write failed', { error });
    }
  }

  /** @returns undefined if the chunk could not be checked, or is being generated or replaced */
  async #verify(id: ContractId, signal: AbortSignal): Promise<ScrubResult | undefined> {
    const { contracts, onResult, clock } = this.#deps;
    const table = contracts.find(id);
    const contract = table?.get(id);
    if (table === undefined || contract === undefined || contract.phase === 'generating') return undefined;
    const startedAt = clock.now();
    const result = await this.#enqueueRead(contract.terms, signal);
    if (result === undefined) return undefined;
    // The chunk was rebuilt in the meantime.
    if (result !== 'ok' && (this.#getVerifiedAt(id) ?? 0) > startedAt) return undefined;
    onResult(result);
    if (result === 'ok') table.apply(id, { type: 'chunk_verified' });
    else if (result !== 'slow') table.apply(id, { type: 'chunk_lost' });
    return result;
  }

  async #enqueueRead(chunk: ChunkTerms, signal: AbortSignal): Promise<ScrubResult | undefined> {
    const { chunks, chunkWork, log } = this.#deps;
    return await new Promise((resolve) => {
      const read = async () => {
        try {
          await chunks.verify(chunk, { signal });
          resolve('ok');
        } catch (error) {
          if (isResourceExhausted(error)) {
            log.warn('chunk read deferred: resource limit reached', { contract: chunk.id, error });
          } else if (!signal.aborted) log.error('chunk verification failed', { contract: chunk.id, error });
          resolve(toScrubResult(error));
        }
      };
      chunkWork.add(Number.POSITIVE_INFINITY, read, 'idle');
    });
  }

  async #waitForIdleWorkers(signal: AbortSignal): Promise<void> {
    const { chunkWork, clock } = this.#deps;
    while (chunkWork.waiting > 0) await clock.sleep(POLL_MS, signal);
  }

  /** Sleeps until the time is over or a scrub is requested. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#progress.running) return;
    await this.#deps.clock.sleep(ms, AbortSignal.any([signal, this.#wake.signal])).catch(() => {});
    signal.throwIfAborted();
  }

  #getVerifiedAt(id: ContractId): Instant | undefined {
    return this.#deps.contracts.find(id)?.get(id)?.verifiedAt;
  }
}

function isResourceExhausted(error: unknown): boolean {
  return error instanceof ChunkError && error.code === 'exhausted';
}

function toScrubResult(error: unknown): ScrubResult | undefined {
  if (!(error instanceof ChunkError)) return 'unreadable';
  if (error.code === 'interrupted' || isResourceExhausted(error)) return undefined;
  return SCRUB_RESULTS.find((result) => result === error.code) ?? 'unreadable';
}
