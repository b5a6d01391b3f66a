import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { FarmerMetrics, type Readings } from '../../src/metrics/metrics.ts';

const READINGS: Readings = {
  farm: {
    phases: { generating: 1, waiting: 2, proving: 3, answering: 4 },
    bytes: 10,
    capacityBytes: 20,
    nextDueAt: 5_000,
    shortestIntervalMs: 1_500,
  },
  farming: { nodeReachable: true, queues: { chunks: { waiting: 6, running: 2 }, answers: { waiting: 0, running: 1 } } },
  pool: { size: 4, busy: 3 },
  disk: { read: async () => ({ sizeBytes: 1_000, freeBytes: 400 }) },
};

const scrapeOf = async (metrics: FarmerMetrics) => (await metrics.scrape()).text.split('\n');

describe("the farmer's metrics", () => {
  it('read the farm at each scrape, in base units', async () => {
    const metrics = new FarmerMetrics({ version: '1' });
    metrics.read(READINGS);
    expect(await scrapeOf(metrics)).toEqual(
      expect.arrayContaining([
        'farmer_contracts{state="answering"} 4',
        'farmer_contract_bytes 10',
        'farmer_capacity_bytes 20',
        'farmer_next_due_timestamp_seconds 5',
        'farmer_challenge_interval_seconds 1.5',
        'farmer_node_reachable 1',
        'farmer_queue_jobs{queue="chunks",state="waiting"} 6',
        'farmer_queue_jobs{queue="answers",state="running"} 1',
        'farmer_workers 4',
        'farmer_workers_busy 3',
        'farmer_disk_free_bytes 400',
        'farmer_disk_size_bytes 1000',
        `farmer_build_info{version="1",node_version="${process.versions.node}"} 1`,
      ]),
    );
  });

  it('that can not be read are counted and logged; the next scrape shows the count', async () => {
    const log = new FakeLogger();
    const metrics = new FarmerMetrics({ version: '1', log });
    metrics.read({ ...READINGS, disk: { read: async () => await Promise.reject(new Error('hangs')) } });
    await metrics.scrape();
    const lines = await scrapeOf(metrics);
    expect(lines).toContain('farmer_metric_errors_total 2');
    expect(lines).toContain('farmer_workers 4');
    expect(lines).not.toContain('farmer_disk_free_bytes 0');
    expect(log.messages()).toContain('metric not read');
  });
});
