import type { Clock, Logger } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import type { ContractTables } from './contract-tables.ts';
import type { NodeDeps, SharedDeps } from './node-components.ts';
import { NodeWorker, type NodeWorkerOptions } from './node-worker.ts';
import type { ChunkPort, ScrubResult, ScrubStorePort } from './ports.ts';
import { Scrubber } from './scrubber.ts';
import { ThroughputEstimator } from './throughput-estimator.ts';
import { WorkQueue } from './work-queue.ts';

export interface FarmerOptions extends NodeWorkerOptions {
  readonly workers: number;
  /** The time in which every chunk is verified once; undefined: only on request. */
  readonly scrubCycleMs?: number | undefined;
}

export interface FarmerDeps extends Pick<SharedDeps, 'capacity' | 'freeSpace' | 'clock' | 'random'> {
  readonly chunks: Pick<ChunkPort, 'verify'>;
  readonly nodes: readonly NodeDeps[];
  readonly contracts: ContractTables;
  readonly scrubs: ScrubStorePort;
  readonly onScrubResult: (result: ScrubResult) => void;
  readonly log: Logger;
}

const CHUNK_SLOW_AFTER_MS = 2_000;
const SLOW_CHECK_INTERVAL_MS = 500;
const STOP_GRACE_MS = 3_000;

/** The work for all nodes. Nodes share the workers and the disks, and nothing else. */
export class Farmer {
  readonly nodes: readonly NodeWorker[];
  readonly contracts: ContractTables;
  readonly scrubber: Scrubber;
  readonly throughput: ThroughputEstimator;
  readonly #chunkWork: WorkQueue;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #aborting = new AbortController();
  #loops: Promise<unknown>[] = [];

  constructor({ workers, scrubCycleMs, ...options }: FarmerOptions, deps: FarmerDeps) {
    const { clock, contracts } = deps;
    this.contracts = contracts;
    this.#clock = clock;
    this.#chunkWork = new WorkQueue({ concurrency: workers, slowAfterMs: CHUNK_SLOW_AFTER_MS }, clock);
    this.throughput = new ThroughputEstimator({ workers }, contracts);
    const shared = { ...deps, allContracts: contracts, chunkWork: this.#chunkWork, throughput: this.throughput };
    this.nodes = deps.nodes.map(
      (node) => new NodeWorker({ ...options, maxGenerating: 2 * workers }, { ...shared, ...node }),
    );
    this.scrubber = new Scrubber(
      { cycleMs: scrubCycleMs },
      { ...deps, chunkWork: this.#chunkWork, store: deps.scrubs, onResult: deps.onScrubResult },
    );
  }

  /** The number of waiting and running jobs: reads and writes of chunks, and answers. */
  get queues(): Readonly<Record<'chunks' | 'answers', { readonly waiting: number; readonly running: number }>> {
    const answers = this.nodes.map((node) => node.answers);
    return {
      chunks: { waiting: this.#chunkWork.waiting, running: this.#chunkWork.running },
      answers: {
        waiting: answers.reduce((sum, { waiting }) => sum + waiting, 0),
        running: answers.reduce((sum, { running }) => sum + running, 0),
      },
    };
  }

  /** The number of contracts at which deadlines start to be missed; undefined before the first proof. */
  get capacityEstimate(): number | undefined {
    const byWorkers = this.throughput.capacityEstimate;
    if (byWorkers === undefined) return undefined;
    // The limit of a node without contracts is unknown.
    const byNodes = this.nodes.reduce(
      (sum, { throughput }) => sum + (throughput.capacityEstimate ?? Number.POSITIVE_INFINITY),
      0,
    );
    return Math.min(byWorkers, byNodes);
  }

  get isTicking(): boolean {
    return this.nodes.every(({ isTicking }) => isTicking);
  }

  /** Resumes work on all contracts and starts every loop. `onFault` receives an error that ends a loop. */
  start(hasChunk: (id: ContractId) => boolean, onFault: (error: unknown) => void): void {
    const { signal } = this.#stopping;
    for (const node of this.nodes) node.resume(hasChunk, { stopping: signal, aborting: this.#aborting.signal });
    const run = async (loop: () => Promise<void>) => {
      try {
        await loop();
      } catch (error) {
        if (!signal.aborted) onFault(error);
      }
    };
    const nodeLoops = this.nodes.flatMap((node) => node.loops(signal));
    this.#loops = [
      ...nodeLoops,
      async () => await this.scrubber.run(signal),
      async () => await this.#freeSlowSlots(signal),
    ].map(run);
  }

  /**
   * Stops accepting work and finishes the proofs and answers in flight. Abandons chunks being generated, and whatever
   * is not finished after three seconds; it is repeated after the restart.
   */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the farmer stops'));
    const finished = new AbortController();
    const finish = async () => {
      await Promise.all(this.#loops);
      await this.#chunkWork.waitForSizeBelow(1);
      for (const { answers } of this.nodes) await answers.waitForSizeBelow(1);
      finished.abort();
    };
    const giveUp = async () => {
      await this.#clock.sleep(STOP_GRACE_MS, finished.signal).catch(() => {});
      this.#aborting.abort();
    };
    await Promise.race([finish(), giveUp()]);
  }

  async #freeSlowSlots(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#chunkWork.freeSlowSlots();
      await this.#clock.sleep(SLOW_CHECK_INTERVAL_MS, signal);
    }
  }
}
