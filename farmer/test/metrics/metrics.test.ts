import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { quarantine } from '../../src/chunks/disk-state.ts';
import { FarmerMetrics, type MetricSources } from '../../src/metrics/metrics.ts';

const SOURCES: MetricSources = {
  farmer: {
    nodes: [
      {
        alias: 'main',
        contracts: {
          phases: { generating: 1, waiting: 2, proving: 3, answering: 4 },
          bytes: 10,
          nextDueAt: 5_000,
          shortestIntervalMs: 1_500,
        },
        capacityBytes: 20,
        endingSoon: 0,
        isWorking: true,
        exit: { progress: { state: 'active' } },
      },
    ],
    queues: { chunks: { waiting: 6, running: 2 }, answers: { waiting: 0, running: 1 } },
    capacityEstimate: 700,
    scrubber: { completedAt: 8_000 },
  },
  connections: [{ node: { alias: 'main' }, skew: { seconds: -2.5 }, breaker: { isOpen: false } }],
  pool: { size: 4, busy: 3 },
  disks: {
    list: [
      {
        path: '/a',
        state: { kind: 'ok' },
        freeBytes: 400,
        sizeBytes: 1_000,
        capacityBytes: 500,
        usedBytes: 100,
        probeSeconds: 0.5,
      },
      {
        path: '/b',
        state: quarantine('EIO'),
        freeBytes: undefined,
        sizeBytes: undefined,
        capacityBytes: 500,
        usedBytes: 0,
        probeSeconds: undefined,
      },
    ],
  },
};

const scrapeLines = async (metrics: FarmerMetrics) => (await metrics.scrape()).text.split('\n');
const createMetrics = ({ nodes = ['main'], log = new FakeLogger() } = {}) => {
  const clock = { toWallTime: (instant: number) => instant + 60_000 };
  const build = { version: '1', commit: '858913b1a2b3' };
  return new FarmerMetrics({ build, nodes, disks: ['/a', '/b'] }, { clock, log });
};

describe('FarmerMetrics', () => {
  it('reads its gauges at each scrape, in base units', async () => {
    const metrics = createMetrics();
    metrics.setSources(SOURCES);
    expect(await scrapeLines(metrics)).toEqual(
      expect.arrayContaining([
        'farmer_contracts{node="main",state="answering"} 4',
        'farmer_contract_bytes{node="main"} 10',
        'farmer_capacity_bytes{node="main"} 20',
        'farmer_challenge_interval_seconds{node="main"} 1.5',
        'farmer_node_reachable{node="main"} 1',
        'farmer_node_clock_skew_seconds{node="main"} -2.5',
        'farmer_node_circuit_open{node="main"} 0',
        'farmer_node_exiting{node="main"} 0',
        'farmer_capacity_estimate_contracts 700',
        'farmer_queue_jobs{queue="chunks",state="waiting"} 6',
        'farmer_queue_jobs{queue="answers",state="running"} 1',
        'farmer_workers 4',
        'farmer_workers_busy 3',
        'farmer_disk_free_bytes{disk="/a"} 400',
        'farmer_disk_size_bytes{disk="/a"} 1000',
        'farmer_disk_used_bytes{disk="/a"} 100',
        'farmer_disk_state{disk="/a",state="ok"} 1',
        'farmer_disk_state{disk="/b",state="ok"} 0',
        'farmer_disk_state{disk="/b",state="read_only"} 0',
        'farmer_disk_state{disk="/b",state="quarantined"} 1',
        `farmer_build_info{version="1",commit="858913b1a2b3",node_version="${process.versions.node}"} 1`,
      ]),
    );
  });

  it('reports times as wall-clock time', async () => {
    const metrics = createMetrics();
    metrics.setSources(SOURCES);
    metrics.node('main').challengePassed(1_000, 2_000);
    expect(await scrapeLines(metrics)).toEqual(
      expect.arrayContaining([
        'farmer_next_due_timestamp_seconds{node="main"} 65',
        'farmer_scrub_last_completed_timestamp_seconds 68',
        'farmer_last_passed_timestamp_seconds{node="main"} 62',
      ]),
    );
  });

  it('reports no value of a disk that cannot be read, instead of an outdated one', async () => {
    const metrics = createMetrics();
    metrics.setSources(SOURCES);
    const lines = (await scrapeLines(metrics)).join('\n');
    expect(lines).not.toMatch(/farmer_disk_(free_bytes|size_bytes|probe_seconds)\{disk="\/b"\}/);
  });

  it('counts outcomes by node, and has every combination of labels from the start', async () => {
    const metrics = createMetrics({ nodes: ['a', 'b'] });
    metrics.node('b').challengeFailed('not_challenged', 3, undefined);
    expect(await scrapeLines(metrics)).toEqual(
      expect.arrayContaining([
        'farmer_challenges_failed_total{node="a",reason="not_challenged"} 0',
        'farmer_challenges_failed_total{node="b",reason="not_challenged"} 3',
        'farmer_challenges_passed_total{node="b"} 0',
      ]),
    );
  });

  it('leaves out an unreadable metric, logs it, and counts it in the next scrape', async () => {
    const log = new FakeLogger();
    const metrics = createMetrics({ log });
    const pool = {
      get size(): number {
        throw new Error('unreadable');
      },
      busy: 3,
    };
    metrics.setSources({ ...SOURCES, pool });
    await metrics.scrape();
    const lines = await scrapeLines(metrics);
    expect(lines).toContain('farmer_metric_errors_total 1');
    expect(lines).toContain('farmer_workers_busy 3');
    expect(lines).not.toContain('farmer_workers 0');
    expect(log.messages()).toContain('metric unreadable');
  });
});
