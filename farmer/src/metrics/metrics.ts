import { type Clock, type Logger, MetricSet, type Scrape } from '@downstream/platform';
import type { ChunkObserver } from '../chunks/chunk-store.ts';
import type { DiskErrorKind } from '../chunks/disk-errors.ts';
import { DISK_STATES, type DiskState } from '../chunks/disk-state.ts';
import { PHASES, type Phase } from '../contract/contract.ts';
import type { ChunkErrorKind } from '../farming/errors.ts';
import type { OutcomePort, ScrubResult } from '../farming/ports.ts';
import type { RequestOutcome } from '../node/node-http.ts';
import { FARMER_METRICS } from './catalogue.ts';

/** What gauges of one node are read from. */
interface NodeReadings {
  readonly alias: string;
  readonly contracts: {
    readonly phases: Readonly<Record<Phase, number>>;
    readonly bytes: number;
    readonly capacityBytes: number;
    readonly nextDueAt: number | undefined;
    readonly shortestIntervalMs: number | undefined;
  };
  readonly isReachable: boolean;
  readonly exit: { readonly progress: { readonly state: string } };
}

/** What gauges of one disk are read from; undefined where it can't be asked. */
interface DiskReadings {
  readonly path: string;
  readonly state: DiskState;
  readonly freeBytes: number | undefined;
  readonly sizeBytes: number | undefined;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly probeSeconds: number | undefined;
}

/** What gauges are read from at each scrape. */
export interface Readings {
  readonly farmer: {
    readonly nodes: readonly NodeReadings[];
    readonly queues: Readonly<Record<'chunks' | 'answers', { readonly waiting: number; readonly running: number }>>;
    readonly capacityEstimate: number | undefined;
    readonly scrubber: { readonly completedAt: number | undefined };
  };
  /** The connections to the nodes, by alias. */
  readonly links: ReadonlyMap<
    string,
    { readonly skew: { readonly seconds: number | undefined }; readonly breaker: { readonly isOpen: boolean } }
  >;
  readonly pool: { readonly size: number; readonly busy: number };
  readonly disks: { readonly readings: readonly DiskReadings[] };
  readonly clock: Pick<Clock, 'toWallTime'>;
}

/** The farmer's metrics, as the rest of the farmer speaks to them. What they are: catalogue.ts. */
export class FarmerMetrics implements ChunkObserver {
  readonly #set: MetricSet<typeof FARMER_METRICS>;
  #toWallTime: (instant: number) => number = (instant) => instant;

  constructor({
    version,
    nodes = [],
    disks = [],
    log,
  }: {
    version: string;
    /** The aliases of the nodes. */
    nodes?: readonly string[];
    /** The folders on the disks. */
    disks?: readonly string[];
    log?: Logger;
  }) {
    this.#set = new MetricSet(FARMER_METRICS, {
      labelValues: { node: nodes, disk: disks },
      onError: (metric, error) => {
        this.#set.instruments.metricErrors.inc();
        log?.warn('metric not read', { metric, error });
      },
    });
    this.#set.instruments.build.set({ version, node_version: process.versions.node }, 1);
  }

  /** The names of all metrics, the process's own included. */
  get names(): string[] {
    return this.#set.names;
  }

  /** All metrics in Prometheus' text format; one that can't be read is left out. */
  async scrape(): Promise<Scrape> {
    return await this.#set.scrape();
  }

  /** From here on, gauges are read from these at each scrape. */
  read({ farmer, links, pool, disks, clock }: Readings): void {
    const set = this.#set;
    this.#toWallTime = (instant) => clock.toWallTime(instant);
    const seconds = (instant: number | undefined) => (instant === undefined ? 0 : clock.toWallTime(instant) / 1000);
    const forEachNode = (key: NodeGauge, value: (node: NodeReadings) => number) =>
      set.onScrape(key, (gauge) => {
        for (const node of farmer.nodes) gauge.set({ node: node.alias }, value(node));
      });
    set.onScrape('contracts', (gauge) => {
      for (const { alias, contracts } of farmer.nodes)
        for (const state of PHASES) gauge.set({ node: alias, state }, contracts.phases[state]);
    });
    forEachNode('contractBytes', ({ contracts }) => contracts.bytes);
    forEachNode('capacityBytes', ({ contracts }) => contracts.capacityBytes);
    forEachNode('nextDue', ({ contracts }) => seconds(contracts.nextDueAt));
    forEachNode('interval', ({ contracts }) => (contracts.shortestIntervalMs ?? 0) / 1000);
    forEachNode('nodeReachable', ({ isReachable }) => Number(isReachable));
    forEachNode('exiting', ({ exit }) => Number(exit.progress.state !== 'active'));
    forEachNode('clockSkew', ({ alias }) => links.get(alias)?.skew.seconds ?? 0);
    forEachNode('circuitOpen', ({ alias }) => Number(links.get(alias)?.breaker.isOpen ?? false));
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
    this.#readDisks(disks);
  }

  /** How the rounds of one node's contracts come out. */
  node(alias: string): OutcomePort {
    const { passed, failed, slack, lastPassed, taken, refused, ended, proofWait, repaired } = this.#set.instruments;
    const node = { node: alias };
    return {
      challengePassed: (slackMs, at) => {
        passed.inc(node);
        slack.observe(node, slackMs / 1000);
        lastPassed.set(node, this.#toWallTime(at) / 1000);
      },
      challengeFailed: (reason, count, slackMs) => {
        failed.inc({ ...node, reason }, count);
        if (slackMs !== undefined) slack.observe(node, slackMs / 1000);
      },
      contractAccepted: () => taken.inc(node),
      contractRejected: (reason) => refused.inc({ ...node, reason }),
      contractEnded: (reason) => ended.inc({ ...node, reason }),
      proofStarted: (ms) => proofWait.observe(ms / 1000),
      chunkRebuilt: () => repaired.inc(),
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

  #readDisks(disks: Readings['disks']): void {
    const set = this.#set;
    const forEachDisk = (key: DiskGauge, value: (disk: DiskReadings) => number | undefined) =>
      set.onScrape(key, (gauge) => {
        for (const disk of disks.readings) {
          const now = value(disk);
          // One that can't be asked has no value, rather than an old or a wrong one.
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
      for (const { path, state } of disks.readings)
        for (const one of DISK_STATES) gauge.set({ disk: path, state: one }, Number(one === state.kind));
    });
  }
}

type NodeGauge =
  | 'contractBytes'
  | 'capacityBytes'
  | 'nextDue'
  | 'interval'
  | 'nodeReachable'
  | 'exiting'
  | 'clockSkew'
  | 'circuitOpen';
type DiskGauge = 'diskFree' | 'diskSize' | 'diskCapacity' | 'diskUsed' | 'diskProbeSeconds';
