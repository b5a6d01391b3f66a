import type { Clock, Logger, Random } from '@downstream/platform';
import type { CapacityShares } from './capacity-shares.ts';
import type { ChallengeRequester } from './challenge-requester.ts';
import type { ContractReleaser } from './contract-releaser.ts';
import type { ContractRemover } from './contract-remover.ts';
import type { ContractTable } from './contract-table.ts';
import type { ContractTables } from './contract-tables.ts';
import type { LostTimeDetector } from './lost-time-detector.ts';
import type {
  ChunkPort,
  CircuitPort,
  ClockStorePort,
  ExitStorePort,
  FreeSpacePort,
  NodeClockPort,
  NodePort,
  OutcomePort,
  TagPort,
  TokenStorePort,
} from './ports.ts';
import type { RunMonitor } from './run-monitor.ts';
import type { Session } from './session.ts';
import type { NodeThroughput, ThroughputEstimator } from './throughput-estimator.ts';
import type { WorkQueue } from './work-queue.ts';

/** The components of one node that exist before its worker. */
export interface NodeDeps {
  /** The node's name in logs, metrics and commands. */
  readonly alias: string;
  readonly node: NodePort;
  readonly circuit: CircuitPort;
  readonly nodeClock: NodeClockPort;
  readonly tokens: TokenStorePort;
  readonly exitStore: ExitStorePort;
  readonly clockStore: ClockStorePort;
  readonly contracts: ContractTable;
  readonly chunks: ChunkPort;
  readonly tags: TagPort;
  readonly outcomes: Pick<OutcomePort, 'proofStarted' | 'entriesSkipped' | 'timeLost' | 'emptyChallenge'>;
  readonly log: Logger;
}

/** The components that all nodes share. */
export interface SharedDeps {
  readonly allContracts: ContractTables;
  readonly capacity: CapacityShares;
  readonly chunkWork: WorkQueue;
  readonly freeSpace: FreeSpacePort;
  readonly throughput: ThroughputEstimator;
  readonly clock: Clock;
  readonly random: Random;
}

/** Everything that works for one node. Each component declares the part that it uses. */
export interface NodeComponents extends NodeDeps, SharedDeps {
  readonly session: Session;
  readonly nodeThroughput: NodeThroughput;
  readonly answers: WorkQueue;
  /** Downloads have their own queue: they wait for the network and must not occupy workers. */
  readonly downloads: WorkQueue;
  readonly monitor: RunMonitor;
  readonly lostTime: LostTimeDetector;
  readonly remover: ContractRemover;
  readonly requester: ChallengeRequester;
  readonly releaser: ContractReleaser;
}
