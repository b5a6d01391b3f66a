import type { Clock, Instant, Logger, Random } from '@downstream/platform';
import type { Contract, ContractId } from '../contract/contract.ts';
import { Answerer } from './answerer.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { ContractAcceptor } from './contract-acceptor.ts';
import type { ContractTable } from './contract-table.ts';
import { type ExitProgress, GracefulExit } from './graceful-exit.ts';
import type {
  ChunkPort,
  CircuitPort,
  ExitStorePort,
  FreeSpacePort,
  NodePort,
  OutcomePort,
  TokenStorePort,
} from './ports.ts';
import { Prover } from './prover.ts';
import { Refresher } from './refresher.ts';
import { Session } from './session.ts';
import { NodeThroughput, type ThroughputEstimator } from './throughput-estimator.ts';
import { WorkQueue } from './work-queue.ts';

export interface NodeWorkerOptions {
  /** What people call the node. */
  readonly alias: string;
  /** Who is paid. */
  readonly address: string;
  readonly pollIntervalMs?: number | undefined;
}

/** What one node has for itself. */
export interface NodeDeps {
  readonly node: NodePort;
  readonly circuit: CircuitPort;
  readonly tokens: TokenStorePort;
  readonly leaving: ExitStorePort;
  readonly contracts: ContractTable;
  readonly outcomes: Pick<OutcomePort, 'proofWaited'>;
  readonly log: Logger;
}

/** What all nodes share. */
export interface SharedDeps {
  readonly chunks: ChunkPort;
  readonly chunkWork: WorkQueue;
  readonly room: FreeSpacePort;
  readonly pace: ThroughputEstimator;
  readonly countGenerating: () => number;
  readonly isHeld: (id: ContractId) => boolean;
  readonly clock: Clock;
  readonly random: Random;
}

const ANSWER_CONCURRENCY = 16;
const ANSWER_SLOW_AFTER_MS = 2_000;
const DOWNLOAD_CONCURRENCY = 4;
const DOWNLOAD_SLOW_AFTER_MS = 60_000;
const SWEEP_MS = 1_000;
const STALLED_AFTER_MS = 15_000;
/** Sweeps that are further apart than this had somebody stop the process in between. */
const SUSPENDED_AFTER_MS = 5_000;

/**
 * All the loops of this farmer on one node: what goes wrong there goes wrong here alone. A contract's new phase is handed to
 * whoever does the work it asks for; work is ordered by deadline, and one contract's failure stops no loop.
 */
export class NodeWorker {
  readonly alias: string;
  readonly contracts: ContractTable;
  readonly session: Session;
  readonly pace: NodeThroughput;
  readonly #refresher: Refresher;
  readonly #onboarder: ContractAcceptor;
  readonly #chunkBuilder: ChunkBuilder;
  readonly #prover: Prover;
  readonly #answerer: Answerer;
  readonly #leaver: GracefulExit;
  readonly #answers: WorkQueue;
  readonly #downloads: WorkQueue;
  readonly #leaving: ExitStorePort;
  readonly #clock: Clock;
  readonly #log: Logger;
  #runningSince: Instant = 0;
  #tickedAt: Instant | undefined;

  constructor(
    { alias, address, pollIntervalMs, maxGenerating }: NodeWorkerOptions & { maxGenerating: number },
    parts: NodeDeps & SharedDeps,
  ) {
    const { clock, log, contracts, leaving } = parts;
    this.alias = alias;
    this.contracts = contracts;
    this.#leaving = leaving;
    this.#clock = clock;
    this.#log = log;
    const now = () => clock.now();
    const queue = { slowAfterMs: ANSWER_SLOW_AFTER_MS, maxSlow: ANSWER_CONCURRENCY };
    this.#answers = new WorkQueue({ concurrency: ANSWER_CONCURRENCY, ...queue }, now);
    this.#downloads = new WorkQueue(
      { concurrency: DOWNLOAD_CONCURRENCY, slowAfterMs: DOWNLOAD_SLOW_AFTER_MS, maxSlow: DOWNLOAD_CONCURRENCY },
      now,
    );
    this.session = new Session({ address }, parts);
    this.pace = new NodeThroughput(
      { answerConcurrency: ANSWER_CONCURRENCY },
      { pace: parts.pace, load: () => contracts.load },
    );
    const shared = { ...parts, session: this.session, answers: this.#answers, downloads: this.#downloads };
    const withPace = { ...shared, pace: this.pace };
    this.#onboarder = new ContractAcceptor({ maxGenerating }, withPace);
    this.#refresher = new Refresher(
      { pollIntervalMs },
      { ...shared, onboarder: this.#onboarder, runningSince: () => this.#runningSince },
    );
    this.#chunkBuilder = new ChunkBuilder(shared);
    this.#prover = new Prover(shared);
    this.#answerer = new Answerer(withPace);
    this.#leaver = new GracefulExit({ ...shared, onboarder: this.#onboarder });
  }

  /** Whether the node answered when it was last asked. */
  get reachable(): boolean {
    return this.#refresher.reachable ?? false;
  }

  /** Whether a contract is asked for: it may be on its way. */
  get isAsking(): boolean {
    return this.#onboarder.isAsking;
  }

  /** Answers under way. */
  get answers(): Pick<WorkQueue, 'waiting' | 'running' | 'waitForSizeBelow'> {
    return this.#answers;
  }

  /** Whether the scheduler ticks. */
  get isTicking(): boolean {
    return this.#tickedAt === undefined || this.#clock.now() - this.#tickedAt < STALLED_AFTER_MS;
  }

  get leaving(): ExitProgress {
    return this.#leaver.progress;
  }

  /** Goes on with the contracts held; from here on work is taken up. */
  resume(hasChunk: (id: ContractId) => boolean, signals: { stopping: AbortSignal; cut: AbortSignal }): void {
    this.#runningSince = this.#clock.now();
    this.contracts.onPhaseChange((contract) => this.#dispatch(contract, signals));
    this.contracts.resume(hasChunk);
  }

  /** Every loop; each ends with an error of its own, or the signal's reason. */
  loops(signal: AbortSignal): (() => Promise<void>)[] {
    return [
      async () => {
        await this.#open(signal);
        await this.#refresher.refresh(signal);
        await Promise.all([this.#refresher.run(signal), this.#onboarder.run(signal)]);
      },
      async () => await this.#leaver.run(signal),
      async () => await this.#sweep(signal),
    ];
  }

  /** Gives the contracts back from now on, until none is left. */
  leave(): ExitProgress {
    if (this.#leaving.leaving() === 'no') {
      this.#leaving.saveExitState('leaving');
      this.#log.info('leaving the node', { contracts: this.contracts.size });
    }
    return this.leaving;
  }

  /** Stays: what was given back is gone, and contracts are taken again. */
  stay(): ExitProgress {
    if (this.#leaving.leaving() !== 'no') {
      this.#leaving.saveExitState('no');
      this.#log.info('staying with the node', { contracts: this.contracts.size });
    }
    return this.leaving;
  }

  /** A node that was left is not even asked for a token. */
  async #open(signal: AbortSignal): Promise<void> {
    while (this.#leaving.leaving() === 'left') await this.#clock.sleep(SWEEP_MS, signal);
    await this.session.open(signal);
  }

  #dispatch(contract: Contract, signals: { stopping: AbortSignal; cut: AbortSignal }): void {
    switch (contract.phase) {
      case 'generating':
        this.#chunkBuilder.take(contract, signals.stopping);
        break;
      case 'proving':
        this.#prover.take(contract);
        break;
      case 'answering':
        this.#answerer.take(contract, signals);
        break;
      case 'waiting':
        break;
    }
  }

  /** The clock of the farm: every second, rounds that are over are settled, and places taken from what is slow. */
  async #sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#clock.now();
      if (this.#tickedAt !== undefined && now - this.#tickedAt > SUSPENDED_AFTER_MS) this.#wakeUp(now, this.#tickedAt);
      this.#tickedAt = now;
      const { reachable } = this.#refresher;
      // After a restart the node is asked first: what it ended meanwhile is not ours to fail.
      if (reachable !== undefined) {
        const witness = { nodeReachable: reachable, runningSince: this.#runningSince };
        this.contracts.sweep(witness, (id) => this.#refresher.mayHaveEnded(id));
      }
      this.#answers.relieve();
      this.#downloads.relieve();
      await this.#clock.sleep(SWEEP_MS, signal);
    }
  }

  #wakeUp(now: Instant, lastTickAt: Instant): void {
    this.#runningSince = now;
    this.#log.warn('this farmer did not get to run', { seconds: Math.round((now - lastTickAt) / 1000) });
  }
}
