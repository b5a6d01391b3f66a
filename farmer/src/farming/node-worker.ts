import { type Contract, type ContractId, isTimedByNode } from '../contract/contract.ts';
import type { WaitReason } from '../contract/waiting.ts';
import { Answerer, type StopSignals } from './answerer.ts';
import { ChallengeRequester } from './challenge-requester.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { ContractAcceptor } from './contract-acceptor.ts';
import { ContractReleaser } from './contract-releaser.ts';
import { ContractRemover } from './contract-remover.ts';
import type { ContractTable } from './contract-table.ts';
import { GracefulExit } from './graceful-exit.ts';
import { LostTimeDetector } from './lost-time-detector.ts';
import type { NodeComponents, NodeDeps, SharedDeps } from './node-components.ts';
import { isResponding, type NodeProblem } from './node-problem.ts';
import { Prover } from './prover.ts';
import { Refresher } from './refresher.ts';
import { RunMonitor } from './run-monitor.ts';
import { Session } from './session.ts';
import { NodeThroughput } from './throughput-estimator.ts';
import { WorkQueue } from './work-queue.ts';

export interface NodeWorkerOptions {
  /** The payout address. */
  readonly address: string;
  /** By default, a tenth of the shortest interval. */
  readonly pollIntervalMs?: number | undefined;
}

const ANSWER_CONCURRENCY = 16;
const ANSWER_SLOW_AFTER_MS = 2_000;
const DOWNLOAD_CONCURRENCY = 4;
const DOWNLOAD_SLOW_AFTER_MS = 60_000;
const SWEEP_MS = 1_000;
const ENDING_SOON_MS = 24 * 3_600_000;

/**
 * All the work for one node. Failures of one node do not affect the others. Each contract is passed to the component
 * that works on its phase. Work is ordered by deadline, and one contract's failure stops no loop.
 */
export class NodeWorker {
  readonly alias: string;
  readonly contracts: ContractTable;
  readonly session: Session;
  readonly throughput: NodeThroughput;
  readonly exit: GracefulExit;
  /** Answers waiting and in flight. */
  readonly answers: WorkQueue;
  readonly #components: NodeComponents;
  readonly #acceptor: ContractAcceptor;
  readonly #refresher: Refresher;
  readonly #chunkBuilder: ChunkBuilder;
  readonly #prover: Prover;
  readonly #answerer: Answerer;

  constructor(
    { address, pollIntervalMs, maxGenerating }: NodeWorkerOptions & { maxGenerating: number },
    deps: NodeDeps & SharedDeps,
  ) {
    const { alias, clock, contracts } = deps;
    this.alias = alias;
    this.contracts = contracts;
    this.answers = new WorkQueue({ concurrency: ANSWER_CONCURRENCY, slowAfterMs: ANSWER_SLOW_AFTER_MS }, clock);
    this.session = new Session({ address }, deps);
    this.throughput = new NodeThroughput({ answerConcurrency: ANSWER_CONCURRENCY }, deps);
    const monitor = new RunMonitor(deps);
    const remover = new ContractRemover({ ...deps, table: contracts });
    const components: NodeComponents = {
      ...deps,
      session: this.session,
      nodeThroughput: this.throughput,
      answers: this.answers,
      downloads: new WorkQueue({ concurrency: DOWNLOAD_CONCURRENCY, slowAfterMs: DOWNLOAD_SLOW_AFTER_MS }, clock),
      monitor,
      lostTime: new LostTimeDetector({ ...deps, monitor }),
      remover,
      requester: new ChallengeRequester({ ...deps, remover }),
      releaser: new ContractReleaser({ ...deps, session: this.session }),
    };
    this.#components = components;
    this.#prover = new Prover(components);
    this.#answerer = new Answerer(components);
    this.#chunkBuilder = new ChunkBuilder(components);
    this.#acceptor = new ContractAcceptor({ maxGenerating }, components);
    this.#refresher = new Refresher({ pollIntervalMs }, components);
    this.exit = new GracefulExit(components);
  }

  /** Whether the node returned the last listing. */
  get isWorking(): boolean {
    return this.#refresher.isReachable ?? false;
  }

  /** How many contracts the node may hold now, if the chunks of further ones are as large as those of the others. */
  get capacityContracts(): number {
    return this.#components.capacity.countContracts(this.contracts);
  }

  /** How large the chunks of the node may be together. */
  get capacityBytes(): number {
    return this.#components.capacity.getBytes(this.contracts);
  }

  /** How many contracts will have had all their challenges within a day. */
  get endingSoon(): number {
    return this.contracts.countEndingBefore(this.#components.clock.now() + ENDING_SOON_MS);
  }

  /** Why no contract is accepted from the node at present. */
  get waitsFor(): WaitReason | undefined {
    return this.#acceptor.waitsFor;
  }

  /** How large chunks the last request for contracts allowed; undefined if the node does not offer any size. */
  get requestedBytes(): number | undefined {
    return this.#acceptor.requestedBytes;
  }

  /** Whether the node responded to the last request, even if not as expected. */
  get isReachable(): boolean {
    return this.problem === undefined ? this.#refresher.isReachable !== undefined : isResponding(this.problem);
  }

  /** Why the node returns no token or no listing; undefined if it does, or was not asked yet. */
  get problem(): NodeProblem | undefined {
    return this.session.problem ?? this.#refresher.problem;
  }

  get isTicking(): boolean {
    return this.#components.monitor.isTicking;
  }

  /** Resumes work on the contracts in the table. */
  resume(hasChunk: (id: ContractId) => boolean, signals: StopSignals): void {
    this.#components.monitor.start();
    this.contracts.start((contract) => this.#dispatch(contract, signals), hasChunk);
  }

  /** All loops. Each ends with an error, or with the signal's reason. */
  loops(signal: AbortSignal): (() => Promise<void>)[] {
    return [
      async () => {
        await this.#openSession(signal);
        await this.#refresher.refresh(signal);
        await Promise.all([this.#refresher.run(signal), this.#acceptor.run(signal)]);
      },
      async () => await this.exit.run(signal),
      async () => await this.#sweep(signal),
    ];
  }

  /** After a completed exit the node is not contacted at all. */
  async #openSession(signal: AbortSignal): Promise<void> {
    const { exitStore, clock } = this.#components;
    while (exitStore.exitState() === 'exited') await clock.sleep(SWEEP_MS, signal);
    await this.session.open(signal);
  }

  #dispatch(contract: Contract, signals: StopSignals): void {
    if (isTimedByNode(contract.terms)) this.#components.requester.enqueue(contract);
    switch (contract.phase) {
      case 'generating':
        this.#chunkBuilder.enqueue(contract, signals.stopping);
        break;
      case 'proving':
        this.#prover.enqueue(contract);
        break;
      case 'answering':
        this.#answerer.enqueue(contract, signals);
        break;
      case 'waiting':
        break;
    }
  }

  /** Settles rounds that are over and frees the slots of slow jobs, once a second. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { monitor, lostTime, downloads, clock } = this.#components;
    while (!signal.aborted) {
      monitor.tick();
      lostTime.check();
      const nodeReachable = this.#refresher.isReachable;
      // After a start, wait for the first listing: contracts that the node ended in the meantime must not fail.
      if (nodeReachable !== undefined) {
        const context = { nodeReachable, runningSince: monitor.runningSince };
        this.contracts.sweep(context, (id) => this.#refresher.isOutcomePending(id));
      }
      this.answers.freeSlowSlots();
      downloads.freeSlowSlots();
      await clock.sleep(SWEEP_MS, signal);
    }
  }
}
