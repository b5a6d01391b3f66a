import type { Clock, Instant, Logger } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { ChunkError } from './errors.ts';
import { type ChunkPort, SCRUB_RESULTS, type ScrubResult, type ScrubStorePort, type StoredScrub } from './ports.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ScrubberOptions {
  /** In what time every chunk has its turn; undefined: only when somebody asks for it. */
  readonly cycleMs: number | undefined;
}

interface ScrubberDeps {
  readonly chunks: Pick<ChunkPort, 'verify'>;
  readonly tables: readonly ContractTable[];
  readonly chunkWork: WorkQueue;
  readonly store: ScrubStorePort;
  readonly count: (result: ScrubResult) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How a scrub goes, or went. */
export interface ScrubProgress {
  readonly running: boolean;
  readonly startedAt: Instant | undefined;
  readonly finishedAt: Instant | undefined;
  /** Chunks that have had their turn, and all. */
  readonly done: number;
  readonly total: number;
  readonly results: Readonly<Record<ScrubResult, number>>;
}

const POLL_MS = 1_000;
const IDLE_MS = 60_000;
const NEVER: ScrubProgress = {
  running: false,
  startedAt: undefined,
  finishedAt: undefined,
  done: 0,
  total: 0,
  results: { sound: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
};

/**
 * Reads every chunk against its hash, round after round, so that rot is found while there is time to make the chunk again. Proofs
 * read chunks whole too: what was proved since the round began needs no second reading. Reads one chunk at a time, only while nothing that
 * has a deadline waits for a worker, and rests in between so that a round takes as long as it may.
 */
export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #deps: ScrubberDeps;
  #asked: ScrubProgress = NEVER;
  /** Where the round is, also what could not be written down. */
  #round: StoredScrub | undefined;
  #wake = new AbortController();

  constructor(options: ScrubberOptions, parts: ScrubberDeps) {
    this.#options = options;
    this.#deps = parts;
    this.#round = parts.store.scrub();
  }

  /** When every chunk had had its turn for the last time. */
  get completedAt(): Instant | undefined {
    return this.#round?.completedAt;
  }

  /** Of the scrub that somebody asked for; one that has not begun, if nobody did. */
  get progress(): ScrubProgress {
    return this.#asked;
  }

  /** Reads every chunk now, proved or not. One that runs already goes on. */
  start(): ScrubProgress {
    if (!this.#asked.running) {
      this.#asked = { ...NEVER, running: true, startedAt: this.#deps.clock.now(), total: this.#ids().length };
      this.#wake.abort();
      this.#wake = new AbortController();
    }
    return this.#asked;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { cycleMs } = this.#options;
    while (!signal.aborted) {
      if (this.progress.running) await this.#readAll(signal);
      else if (cycleMs === undefined || this.#ids().length === 0) await this.#rest(IDLE_MS, signal);
      else await this.#goRound(cycleMs, signal);
    }
  }

  /** Every chunk, one after the other: what somebody asked for. */
  async #readAll(signal: AbortSignal): Promise<void> {
    for (const id of this.#ids()) {
      await this.#calm(signal);
      const result = await this.#verify(id, signal);
      const { progress } = this;
      const { results } = progress;
      this.#asked = {
        ...progress,
        done: progress.done + 1,
        results: result === undefined ? results : { ...results, [result]: results[result] + 1 },
      };
    }
    const finishedAt = this.#deps.clock.now();
    this.#asked = { ...this.progress, running: false, finishedAt };
    this.#keep({ startedAt: finishedAt, cursor: '', completedAt: finishedAt });
    this.#deps.log.info('scrub finished', { chunks: this.progress.total, ...this.progress.results });
  }

  /** A round, or the rest of one that was begun earlier, evenly over its time; ends early when somebody asks for a scrub. */
  async #goRound(cycleMs: number, signal: AbortSignal): Promise<void> {
    const { clock, count } = this.#deps;
    const { startedAt, cursor, completedAt } = this.#round ?? { startedAt: clock.now(), cursor: '' };
    const ids = this.#ids().filter((id) => id > cursor);
    let tookMs = 0;
    for (const [at, id] of ids.entries()) {
      const shareMs = (startedAt + cycleMs - clock.now()) / (ids.length - at);
      await this.#rest(Math.max(shareMs, tookMs), signal);
      if (this.progress.running) return;
      await this.#calm(signal);
      const readAt = clock.now();
      if ((this.#verifiedAt(id) ?? 0) > startedAt) count('proved');
      else await this.#verify(id, signal);
      tookMs = clock.now() - readAt;
      this.#keep({ startedAt, cursor: id, completedAt });
    }
    this.#keep({ startedAt: clock.now(), cursor: '', completedAt: clock.now() });
  }

  /** A disk that is full stops no scrub: a restart would only begin this round earlier. */
  #keep(round: StoredScrub): void {
    this.#round = round;
    try {
      this.#deps.store.saveScrub(round);
    } catch (error) {
      this.#deps.log.warn('scrub not written down', { error });
    }
  }

  /** @returns undefined where there is nothing to say: the contract is gone, its chunk is in the making, or it could not be tried to read it */
  async #verify(id: ContractId, signal: AbortSignal): Promise<ScrubResult | undefined> {
    const { chunks, chunkWork, count, log } = this.#deps;
    const contracts = this.#farmOf(id);
    const phase = contracts?.get(id)?.phase;
    if (contracts === undefined || phase === undefined || phase === 'generating') return undefined;
    const startedAt = this.#deps.clock.now();
    const result = await new Promise<ScrubResult | undefined>((resolve) => {
      const verify = async () => {
        try {
          await chunks.verify(id, { signal });
          resolve('sound');
        } catch (error) {
          if (isResourceExhausted(error)) {
            log.warn('chunk not read for want of file handles, threads or memory', { contract: id, error });
          } else if (!signal.aborted) log.error('chunk not sound', { contract: id, error });
          resolve(resultOf(error));
        }
      };
      chunkWork.add(Number.POSITIVE_INFINITY, verify, 'idle');
    });
    if (result === undefined) return undefined;
    // What was wrong is gone already.
    if (result !== 'sound' && (this.#verifiedAt(id) ?? 0) > startedAt) return undefined;
    count(result);
    if (result === 'sound') contracts.apply(id, { type: 'chunk_verified' });
    else if (result !== 'slow') contracts.apply(id, { type: 'chunk_lost' });
    return result;
  }

  /** Waits until nothing that has a deadline waits for a worker. */
  async #calm(signal: AbortSignal): Promise<void> {
    const { chunkWork, clock } = this.#deps;
    while (chunkWork.waiting > 0) await clock.sleep(POLL_MS, signal);
  }

  /** Until the time is over, or somebody asks for a scrub. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (this.progress.running) return;
    await this.#deps.clock.sleep(ms, AbortSignal.any([signal, this.#wake.signal])).catch(() => {});
    signal.throwIfAborted();
  }

  #ids(): ContractId[] {
    return this.#deps.tables.flatMap((contracts) => contracts.ids()).sort();
  }

  #farmOf(id: ContractId): ContractTable | undefined {
    return this.#deps.tables.find((contracts) => contracts.has(id));
  }

  #verifiedAt(id: ContractId): Instant | undefined {
    return this.#farmOf(id)?.get(id)?.verifiedAt;
  }
}

/** It says nothing of the chunk. */
function isResourceExhausted(error: unknown): boolean {
  return error instanceof ChunkError && error.code === 'exhausted';
}

function resultOf(error: unknown): ScrubResult | undefined {
  if (!(error instanceof ChunkError)) return 'unreadable';
  if (error.code === 'interrupted' || isResourceExhausted(error)) return undefined;
  return SCRUB_RESULTS.find((result) => result === error.code) ?? 'unreadable';
}
