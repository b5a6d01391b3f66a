import type { Clock, Logger, Random } from '@downstream/platform';
import type { Load } from '../contract/admission.ts';
import type { ContractId } from '../contract/contract.ts';
import { type NodeDeps, NodeWorker, type NodeWorkerOptions } from './node-worker.ts';
import type { ChunkPort, FreeSpacePort, ScrubResult, ScrubStorePort } from './ports.ts';
import { Scrubber } from './scrubber.ts';
import { ThroughputEstimator } from './throughput-estimator.ts';
import { WorkQueue } from './work-queue.ts';

export interface FarmerLimits {
  readonly workers: number;
  /** In what time every chunk is read against its hash; undefined for never. */
  readonly scrubCycleMs?: number | undefined;
}

export interface FarmerDeps {
  readonly nodes: readonly (NodeWorkerOptions & NodeDeps)[];
  readonly chunks: ChunkPort;
  readonly room: FreeSpacePort;
  readonly scrubs: ScrubStorePort;
  readonly scrubbed: (result: ScrubResult) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const CHUNK_SLOW_AFTER_MS = 2_000;
const SLOW_CHECK_INTERVAL_MS = 500;
const STOP_GRACE_MS = 3_000;

/** All that a farmer does, on all its nodes: they share the workers and the disks, and nothing else. */
export class Farmer {
  readonly nodes: readonly NodeWorker[];
  readonly pace: ThroughputEstimator;
  readonly scrubber: Scrubber;
  readonly #chunkWork: WorkQueue;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  #loops: Promise<unknown>[] = [];

  constructor({ workers, scrubCycleMs }: FarmerLimits, { nodes, scrubs, scrubbed, ...parts }: FarmerDeps) {
    const { clock } = parts;
    this.#clock = clock;
    this.#chunkWork = new WorkQueue({ concurrency: workers, slowAfterMs: CHUNK_SLOW_AFTER_MS, maxSlow: workers }, () =>
      clock.now(),
    );
    this.pace = new ThroughputEstimator({ workers }, () => this.#load());
    const shared = {
      ...parts,
      chunkWork: this.#chunkWork,
      pace: this.pace,
      // A contract that is asked for has its place already: several nodes may give one at the same time.
      countGenerating: () =>
        this.nodes.reduce((sum, { contracts, isAsking }) => sum + contracts.phases.generating + Number(isAsking), 0),
      isHeld: (id: ContractId) => this.nodes.some(({ contracts }) => contracts.has(id)),
    };
    this.nodes = nodes.map(
      ({ alias, address, pollIntervalMs, ...own }) =>
        new NodeWorker({ alias, address, pollIntervalMs, maxGenerating: 2 * workers }, { ...shared, ...own }),
    );
    this.scrubber = new Scrubber(
      { cycleMs: scrubCycleMs },
      { ...shared, tables: this.nodes.map(({ contracts }) => contracts), store: scrubs, count: scrubbed },
    );
  }

  /** How many contracts are held, of all nodes. */
  get size(): number {
    return this.nodes.reduce((sum, { contracts }) => sum + contracts.size, 0);
  }

  /** The work under way: on chunks, and on answers. */
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

  /** At how many contracts answers would begin to come late; undefined while nothing was measured. */
  get capacityEstimate(): number | undefined {
    const byWorkers = this.pace.capacityEstimate;
    if (byWorkers === undefined) return undefined;
    // A node of which nothing is held sets no bound that is known.
    const byNodes = this.nodes.reduce((sum, { pace }) => sum + (pace.capacityEstimate ?? Number.POSITIVE_INFINITY), 0);
    return Math.min(byWorkers, byNodes);
  }

  /** Whether every scheduler ticks. */
  get isTicking(): boolean {
    return this.nodes.every(({ isTicking }) => isTicking);
  }

  /** Chunks that are not where they were: they are made again. */
  lost(ids: Iterable<ContractId>): void {
    for (const id of ids) for (const { contracts } of this.nodes) contracts.apply(id, { type: 'chunk_lost' });
  }

  /** Chunks that are there again. */
  found(ids: Iterable<ContractId>): void {
    for (const id of ids) for (const { contracts } of this.nodes) contracts.apply(id, { type: 'chunk_found' });
  }

  /** Goes on with the contracts held, and starts every loop. Returns at once; `onFault` hears of a loop that broke. */
  start(hasChunk: (id: ContractId) => boolean, onFault: (error: unknown) => void): void {
    const { signal } = this.#stopping;
    for (const node of this.nodes) node.resume(hasChunk, { stopping: signal, cut: this.#cut.signal });
    const guarded = async (loop: () => Promise<void>) => {
      try {
        await loop();
      } catch (error) {
        if (!signal.aborted) onFault(error);
      }
    };
    const loops = this.nodes.flatMap((node) => node.loops(signal));
    this.#loops = [...loops, async () => await this.scrubber.run(signal), async () => await this.#relieve(signal)].map(
      guarded,
    );
  }

  /**
   * Takes no more work on, finishes the proofs and answers under way, and returns when nothing moves any more.
   * Chunks in the making are given up, and so is what a slow disk or a silent node has not finished in three seconds:
   * it is proved again after the restart.
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
      this.#cut.abort();
    };
    await Promise.race([finish(), giveUp()]);
  }

  async #relieve(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#chunkWork.relieve();
      await this.#clock.sleep(SLOW_CHECK_INTERVAL_MS, signal);
    }
  }

  #load(): Load {
    const loads = this.nodes.map(({ contracts }) => contracts.load);
    return {
      contracts: loads.reduce((sum, { contracts }) => sum + contracts, 0),
      challengesPerMs: loads.reduce((sum, { challengesPerMs }) => sum + challengesPerMs, 0),
    };
  }
}
