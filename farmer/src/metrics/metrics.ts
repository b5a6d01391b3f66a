import { type Logger, MetricSet, type Scrape } from '@downstream/platform';
import type { ChunkWorkObserver } from '../chunks/chunk-store.ts';
import type { DiskReading } from '../chunks/disk.ts';
import { type FailureReason, PHASES, type Phase } from '../contract/contract.ts';
import type { ChunkFault } from '../farming/errors.ts';
import type { EndReason, OutcomePort, RefusalReason } from '../farming/ports.ts';
import type { RequestEnd } from '../node/node-http.ts';
import { FARMER_METRICS } from './catalogue.ts';

/** What gauges are read from at each scrape. */
export interface Readings {
  readonly farm: {
    readonly phases: Readonly<Record<Phase, number>>;
    readonly bytes: number;
    readonly capacityBytes: number;
    readonly nextDueAt: number | undefined;
    readonly shortestIntervalMs: number | undefined;
  };
  readonly farming: {
    readonly nodeReachable: boolean;
    readonly queues: Readonly<Record<'chunks' | 'answers', { readonly waiting: number; readonly running: number }>>;
  };
  readonly pool: { readonly size: number; readonly busy: number };
  readonly disk: { read(): Promise<DiskReading> };
}

/** The farmer's metrics, as the rest of the farmer speaks to them. What they are: catalogue.ts. */
export class FarmerMetrics implements OutcomePort, ChunkWorkObserver {
  readonly #set: MetricSet<typeof FARMER_METRICS>;

  constructor({ version, log }: { version: string; log?: Logger }) {
    this.#set = new MetricSet(FARMER_METRICS, (metric, error) => {
      this.#set.instruments.metricErrors.inc();
      log?.warn('metric not read', { metric, error });
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
  read({ farm, farming, pool, disk }: Readings): void {
    const set = this.#set;
    set.onScrape('contracts', (gauge) => {
      for (const state of PHASES) gauge.set({ state }, farm.phases[state]);
    });
    set.onScrape('contractBytes', (gauge) => gauge.set(farm.bytes));
    set.onScrape('capacityBytes', (gauge) => gauge.set(farm.capacityBytes));
    set.onScrape('nextDue', (gauge) => gauge.set((farm.nextDueAt ?? 0) / 1000));
    set.onScrape('interval', (gauge) => gauge.set((farm.shortestIntervalMs ?? 0) / 1000));
    set.onScrape('nodeReachable', (gauge) => gauge.set(farming.nodeReachable ? 1 : 0));
    set.onScrape('queueJobs', (gauge) => {
      for (const [queue, { waiting, running }] of Object.entries(farming.queues)) {
        gauge.set({ queue, state: 'waiting' }, waiting);
        gauge.set({ queue, state: 'running' }, running);
      }
    });
    set.onScrape('workers', (gauge) => gauge.set(pool.size));
    set.onScrape('workersBusy', (gauge) => gauge.set(pool.busy));
    set.onScrape('diskFree', async (gauge) => gauge.set((await disk.read()).freeBytes));
    set.onScrape('diskSize', async (gauge) => gauge.set((await disk.read()).sizeBytes));
  }

  passed(slackMs: number, at: number): void {
    const { passed, slack, lastPassed } = this.#set.instruments;
    passed.inc();
    slack.observe(slackMs / 1000);
    lastPassed.set(at / 1000);
  }

  failed(reason: FailureReason, count: number, slackMs: number | undefined): void {
    this.#set.instruments.failed.inc({ reason }, count);
    if (slackMs !== undefined) this.#set.instruments.slack.observe(slackMs / 1000);
  }

  taken(): void {
    this.#set.instruments.taken.inc();
  }

  refused(reason: RefusalReason): void {
    this.#set.instruments.refused.inc({ reason });
  }

  ended(reason: EndReason): void {
    this.#set.instruments.ended.inc({ reason });
  }

  proofWaited(ms: number): void {
    this.#set.instruments.proofWait.observe(ms / 1000);
  }

  repaired(): void {
    this.#set.instruments.repaired.inc();
  }

  proved(seconds: number): void {
    this.#set.instruments.proof.observe(seconds);
  }

  generated(seconds: number): void {
    this.#set.instruments.generation.observe(seconds);
  }

  faulted(fault: ChunkFault): void {
    this.#set.instruments.chunkFaults.inc({ fault });
  }

  request({ route, outcome, seconds }: RequestEnd): void {
    this.#set.instruments.requests.inc({ route, outcome });
    this.#set.instruments.requestSeconds.observe({ route }, seconds);
  }
}
