import type { Clock, Instant, Logger, Rng } from '@downstream/platform';
import type { Contract } from '../contract/contract.ts';
import { Answerer } from './answerer.ts';
import { ChunkMaker } from './chunk-maker.ts';
import type { Farm } from './farm.ts';
import { Onboarder } from './onboarder.ts';
import type { ChunkPort, NodePort, OutcomePort, TokenStorePort } from './ports.ts';
import { Prover } from './prover.ts';
import { Refresher } from './refresher.ts';
import { Session } from './session.ts';
import { WorkQueue } from './work-queue.ts';

export interface FarmingOptions {
  readonly address: string;
  readonly workers: number;
  readonly pollIntervalMs?: number | undefined;
}

export interface FarmingParts {
  readonly node: NodePort;
  readonly chunks: ChunkPort;
  readonly tokens: TokenStorePort;
  readonly farm: Farm;
  readonly outcomes: Pick<OutcomePort, 'proofWaited'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

const SWEEP_MS = 1_000;
const STALLED_AFTER_MS = 15_000;
const ANSWERS_AT_ONCE = 16;
const STOP_GRACE_MS = 3_000;

/**
 * All the loops of one farmer on one node. A contract's new phase is handed to whoever does the work it asks for;
 * work is ordered by deadline, and one contract's failure stops no loop.
 */
export class Farming {
  readonly session: Session;
  readonly #refresher: Refresher;
  readonly #onboarder: Onboarder;
  readonly #chunkMaker: ChunkMaker;
  readonly #prover: Prover;
  readonly #answerer: Answerer;
  readonly #chunkWork: WorkQueue;
  readonly #answers = new WorkQueue(ANSWERS_AT_ONCE);
  readonly #parts: FarmingParts;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  #loops: Promise<unknown>[] = [];
  #tickedAt: Instant | undefined;

  constructor({ address, workers, pollIntervalMs }: FarmingOptions, parts: FarmingParts) {
    this.#parts = parts;
    this.#chunkWork = new WorkQueue(workers);
    this.session = new Session({ address }, parts);
    const shared = { ...parts, session: this.session, chunkWork: this.#chunkWork, answers: this.#answers };
    this.#onboarder = new Onboarder({ mostInTheMaking: 2 * workers }, shared);
    this.#refresher = new Refresher({ pollIntervalMs }, { ...shared, onboarder: this.#onboarder });
    this.#chunkMaker = new ChunkMaker(shared);
    this.#prover = new Prover(shared);
    this.#answerer = new Answerer(shared);
  }

  /** Whether the node answered when it was last asked. */
  get nodeReachable(): boolean {
    return this.#refresher.reachable ?? false;
  }

  /** The work under way: on chunks, and on answers. */
  get queues(): Readonly<Record<'chunks' | 'answers', Pick<WorkQueue, 'waiting' | 'running'>>> {
    return { chunks: this.#chunkWork, answers: this.#answers };
  }

  /** Whether the scheduler ticks. */
  get isTicking(): boolean {
    return this.#tickedAt === undefined || this.#parts.clock.now() - this.#tickedAt < STALLED_AFTER_MS;
  }

  /** Goes on with the contracts held, and starts every loop. Returns at once; `onFault` hears of a loop that broke. */
  start(hasChunk: (id: string) => boolean, onFault: (error: unknown) => void): void {
    const { signal } = this.#stopping;
    this.#parts.farm.onWork((contract) => this.#dispatch(contract));
    this.#parts.farm.load(hasChunk);
    const guarded = async (loop: () => Promise<void>) => {
      try {
        await loop();
      } catch (error) {
        if (!signal.aborted) onFault(error);
      }
    };
    this.#loops = [
      guarded(async () => {
        await this.session.open(signal);
        await this.#refresher.refresh(signal);
        await Promise.all([this.#refresher.run(signal), this.#onboarder.run(signal)]);
      }),
      guarded(async () => await this.#sweep(signal)),
    ];
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
      await this.#chunkWork.sizeBelow(1);
      await this.#answers.sizeBelow(1);
      finished.abort();
    };
    const giveUp = async () => {
      await this.#parts.clock.sleep(STOP_GRACE_MS, finished.signal).catch(() => {});
      this.#cut.abort();
    };
    await Promise.race([finish(), giveUp()]);
  }

  #dispatch(contract: Contract): void {
    const { signal } = this.#stopping;
    switch (contract.phase) {
      case 'generating':
        this.#chunkMaker.take(contract, signal);
        break;
      case 'proving':
        this.#prover.take(contract);
        break;
      case 'answering':
        this.#answerer.take(contract, { stopping: signal, cut: this.#cut.signal });
        break;
      case 'waiting':
        break;
    }
  }

  /** The clock of the farm: every second, rounds that are over are settled. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { farm, clock } = this.#parts;
    while (!signal.aborted) {
      this.#tickedAt = clock.now();
      const { reachable } = this.#refresher;
      // After a restart the node is asked first: what it ended meanwhile is not ours to fail.
      if (reachable !== undefined) farm.sweep(reachable);
      await clock.sleep(SWEEP_MS, signal);
    }
  }
}
