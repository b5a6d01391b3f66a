import { type Build, type Clock, type Logger, MetricSet, type Scrape } from '@downstream/platform';
import type { ChunkObserver } from '../chunks/chunk-store.ts';
import type { Disk } from '../chunks/disk.ts';
import type { DiskErrorKind } from '../chunks/disk-errors.ts';
import { DISK_STATES } from '../chunks/disk-state.ts';
import type { WorkerPool } from '../chunks/worker-pool.ts';
import { PHASES } from '../contract/contract.ts';
import type { ContractTable } from '../farming/contract-table.ts';
import type { ChunkErrorKind } from '../farming/errors.ts';
import type { Farmer } from '../farming/farmer.ts';
import type { NodeWorker } from '../farming/node-worker.ts';
import type { ExitState, OutcomePort, ScrubResult } from '../farming/ports.ts';
import type { Scrubber } from '../farming/scrubber.ts';
import type { CircuitBreaker } from '../node/circuit-breaker.ts';
import type { ClockSkew } from '../node/clock-skew.ts';
import type { RequestOutcome } from '../node/node-http.ts';
import { FARMER_METRICS } from './catalogue.ts';

interface NodeSource extends Pick<NodeWorker, 'alias' | 'isWorking' | 'capacityBytes' | 'endingSoon'> {
  readonly contracts: Pick<ContractTable, 'phases' | 'bytes' | 'nextDueAt' | 'shortestIntervalMs'>;
  readonly exit: { readonly progress: { readonly state: ExitState } };
}

type DiskSource = Pick<
  Disk,
  'path' | 'state' | 'freeBytes' | 'sizeBytes' | 'capacityBytes' | 'usedBytes' | 'probeSeconds'
>;

/** Sources of the gauges, read at each scrape. */
export interface MetricSources {
  readonly farmer: Pick<Farmer, 'queues' | 'capacityEstimate'> & {
    readonly nodes: readonly NodeSource[];
    readonly scrubber: Pick<Scrubber, 'completedAt'>;
  };
  readonly connections: readonly {
    readonly node: { readonly alias: string };
    readonly skew: Pick<ClockSkew, 'seconds'>;
    readonly breaker: Pick<CircuitBreaker, 'isOpen'>;
  }[];
  readonly pool: Pick<WorkerPool, 'size' | 'busy'>;
  readonly disks: { readonly list: readonly DiskSource[] };
}

export interface FarmerMetricsOptions {
  readonly build: Build;
  readonly nodes: readonly string[];
  readonly disks: readonly string[];
}

export interface FarmerMetricsDeps {
  readonly clock: Pick<Clock, 'toWallTime'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Updates the metrics that catalogue.ts declares. */
export class FarmerMetrics implements ChunkObserver {
  readonly #set: MetricSet<typeof FARMER_METRICS>;
  readonly #clock: Pick<Clock, 'toWallTime'>;

  /** @param options the labels whose values are known only at runtime: aliases of nodes, paths of data directories */
  constructor({ build, nodes, disks }: FarmerMetricsOptions, { clock, log }: FarmerMetricsDeps) {
    this.#clock = clock;
    this.#set = new MetricSet(FARMER_METRICS, {
      labelValues: { node: nodes, disk: disks },
      onError: (metric, error) => {
        this.#set.instruments.metricErrors.inc();
        log.warn('metric unreadable', { metric, error });
      },
    });
    this.#set.instruments.build.set({ ...build, node_version: process.versions.node }, 1);
  }

  /** The names of all metrics, including those of the process. */
  get names(): string[] {
    return this.#set.names;
  }

  /** All metrics in the text format of Prometheus, without those that cannot be read. */
  async scrape(): Promise<Scrape> {
    return await this.#set.scrape();
  }

  /** Starts to read the gauges from these sources at each scrape. */
  setSources({ farmer, connections, pool, disks }: MetricSources): void {
    const set = this.#set;
    const seconds = (instant: number | undefined) =>
      instant === undefined ? 0 : this.#clock.toWallTime(instant) / 1000;
    const forEachNode = (key: NodeGauge, value: (node: NodeSource) => number) =>
      set.onScrape(key, (gauge) => {
        for (const node of farmer.nodes) gauge.set({ node: node.alias }, value(node));
      });
    set.onScrape('contracts', (gauge) => {
      for (const { alias, contracts } of farmer.nodes)
        for (const state of PHASES) gauge.set({ node: alias, state }, contracts.phases[state]);
    });
    forEachNode('contractBytes', ({ contracts }) => contracts.bytes);
    forEachNode('capacityBytes', ({ capacityBytes }) => capacityBytes);
    forEachNode('endingSoon', ({ endingSoon }) => endingSoon);
    forEachNode('nextDue', ({ contracts }) => seconds(contracts.nextDueAt));
    forEachNode('interval', ({ contracts }) => (contracts.shortestIntervalMs ?? 0) / 1000);
    forEachNode('nodeReachable', ({ isWorking }) => Number(isWorking));
    forEachNode('exiting', ({ exit }) => Number(exit.progress.state !== 'active'));
    set.onScrape('clockSkew', (gauge) => {
      for (const { node, skew } of connections) gauge.set({ node: node.alias }, skew.seconds ?? 0);
    });
    set.onScrape('circuitOpen', (gauge) => {
      for (const { node, breaker } of connections) gauge.set({ node: node.alias }, Number(breaker.isOpen));
    });
    set.onScrape('capacityEstimate', (gauge) => gauge.set(farmer.capacityEstimate ?? 0));
    set.onScrape('scrubCompleted', (gauge) => gauge.set(seconds(farmer.scrubber.completedAt)));
    set.onScrape('queueJobs', (gauge) => {
      for (const [queue, { waiting, running }] of Object.entries(farmer.queues)) {
        gauge.set({ queue, state: 'waiting' }, waiting);
        gauge.set({ queue, state: 'running' }, running);
      }
    });
    set.onScrape('workers', (gauge) => gauge.set(pool.size));
    set.onScrape('workersBusy', (gauge) => gauge.set(pool.busy));
    this.#setDiskSources(disks);
  }

  /** Counts the outcomes of one node's contracts. */
  node(alias: string): OutcomePort {
    const { passed, failed, unknown, slack, lastPassed, accepted, rejected, ended, skipped } = this.#set.instruments;
    const { emptyChallenges, proofWait, rebuilt } = this.#set.instruments;
    const node = { node: alias };
    return {
      roundsSettled: ({ outcome, count }) => {
        if (outcome === 'unknown') unknown.inc(node, count);
      },
      timeLost: () => {},
      challengePassed: (slackMs, at) => {
        passed.inc(node);
        slack.observe(node, slackMs / 1000);
        lastPassed.set(node, this.#clock.toWallTime(at) / 1000);
      },
      challengeFailed: (reason, count, slackMs) => {
        failed.inc({ ...node, reason }, count);
        if (slackMs !== undefined) slack.observe(node, slackMs / 1000);
      },
      contractAccepted: () => accepted.inc(node),
      contractRejected: (reason) => rejected.inc({ ...node, reason }),
      contractEnded: (reason) => ended.inc({ ...node, reason }),
      proofStarted: (waitMs) => proofWait.observe(waitMs / 1000),
      chunkRebuilt: () => rebuilt.inc(),
      entriesSkipped: (reason, count) => skipped.inc({ ...node, reason }, count),
      emptyChallenge: () => emptyChallenges.inc(node),
    };
  }

  request(alias: string, { route, outcome, seconds }: RequestOutcome): void {
    this.#set.instruments.requests.inc({ node: alias, route, outcome });
    this.#set.instruments.requestSeconds.observe({ node: alias, route }, seconds);
  }

  scrubbed(result: ScrubResult): void {
    this.#set.instruments.scrubbed.inc({ result });
  }

  proved(seconds: number): void {
    this.#set.instruments.proof.observe(seconds);
  }

  generated(seconds: number): void {
    this.#set.instruments.generation.observe(seconds);
  }

  chunkFailed(kind: ChunkErrorKind): void {
    this.#set.instruments.chunkErrors.inc({ kind });
  }

  diskFailed(disk: string, kind: DiskErrorKind): void {
    this.#set.instruments.diskErrors.inc({ disk, kind });
  }

  linesDropped(lines: number): void {
    this.#set.instruments.linesDropped.inc(lines);
  }

  #setDiskSources(disks: MetricSources['disks']): void {
    const set = this.#set;
    const forEachDisk = (key: DiskGauge, value: (disk: DiskSource) => number | undefined) =>
      set.onScrape(key, (gauge) => {
        for (const disk of disks.list) {
          const now = value(disk);
          // No value is better than an outdated one.
          if (now === undefined) gauge.remove({ disk: disk.path });
          else gauge.set({ disk: disk.path }, now);
        }
      });
    forEachDisk('diskFree', ({ freeBytes }) => freeBytes);
    forEachDisk('diskSize', ({ sizeBytes }) => sizeBytes);
    forEachDisk('diskCapacity', ({ capacityBytes }) => capacityBytes);
    forEachDisk('diskUsed', ({ usedBytes }) => usedBytes);
    forEachDisk('diskProbeSeconds', ({ probeSeconds }) => probeSeconds);
    set.onScrape('diskState', (gauge) => {
      for (const { path, state } of disks.list)
        for (const one of DISK_STATES) gauge.set({ disk: path, state: one }, Number(one === state.kind));
    });
  }
}

type NodeGauge =
  | 'contractBytes'
  | 'endingSoon'
  | 'capacityBytes'
  | 'nextDue'
  | 'interval'
  | 'nodeReachable'
  | 'exiting';
type DiskGauge = 'diskFree' | 'diskSize' | 'diskCapacity' | 'diskUsed' | 'diskProbeSeconds';
