import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Prometheus, type Series, startPrometheus } from '../../test/support/prometheus.ts';
import { TestFarm, until } from '../../test/support/test-farm.ts';
import { describeWith } from '../../test/support/tools.ts';
import { DASHBOARDS, listPanels, listQueries, replaced, type SentQuery } from './dashboard-file.ts';

/** Queries that may rightly find nothing on a farm that is sound and a few seconds old. */
const MAY_BE_EMPTY: Readonly<Record<string, string>> = {
  'annotation Version changes': 'the version does not change while a process runs: see below',
  'Last full scrub A': 'a round takes two weeks',
  'Disk full in A': 'a disk that is not filling has no such time: see below',
};

/** An alert that always fires, so that there is one to be shown. */
const RULES = {
  groups: [{ name: 'test', rules: [{ alert: 'Test', expr: 'up == 1', labels: { severity: 'warning', node: 'n' } }] }],
};

describeWith(['prometheus'], 'every query of the dashboards, asked of a real Prometheus', () => {
  let farm: TestFarm;
  let prometheus: Prometheus;
  let exporter: Exporter;
  const seen = async (expr: string) =>
    await until(
      () => prometheus.query(expr),
      (found) => found.length > 0,
    );
  beforeAll(async () => {
    farm = new TestFarm();
    const rules = join(farm.folder, 'rules.yml');
    writeFileSync(rules, JSON.stringify(RULES));
    exporter = await anExporter();
    const node = await farm.node({
      faults: [{ name: 'late', match: { route: 'due' }, effect: { kind: 'fixed', ms: 1 } }],
    });
    const farmer = await farm.farmer(node.url);
    prometheus = await startPrometheus({
      targets: [
        { job: 'farmer', urls: [farmer.url] },
        { job: 'mock-node', urls: [node.url] },
        { job: 'updated', urls: [exporter.url] },
      ],
      rules: [rules],
    });
    // What happened before the first scrape is in no increase: a chunk that is made after it is.
    await seen('farmer_contracts{state="waiting"} == 5');
    spoil(join(farm.dataDir, 'chunks'));
  }, 30_000);
  afterAll(async () => {
    await prometheus?.stop();
    await farm?.[Symbol.asyncDispose]();
    exporter?.close();
  });

  it.each(DASHBOARDS.flatMap(listQueries).map((query) => [`${query.dashboard}: ${query.where}`, query] as const))(
    'finds data for %s',
    async (_, query) => {
      const mayBeEmpty = MAY_BE_EMPTY[query.where] !== undefined;
      const found = await answer(prometheus, query, mayBeEmpty ? () => true : hasFigures);
      for (const { metric } of found) {
        for (const [, label = ''] of (query.legend ?? '').matchAll(/\{\{(\w+)\}\}/g))
          expect(metric).toHaveProperty(label);
      }
      // A stat shows every series that it gets, side by side.
      if (query.panel?.type === 'stat' && !mayBeEmpty) expect(found).toHaveLength(1);
    },
    20_000,
  );

  it.each(
    DASHBOARDS.flatMap((dashboard) =>
      listPanels(dashboard)
        .filter(({ type }) => type === 'table')
        .map((panel) => [
          dashboard.title,
          panel.title,
          listQueries(dashboard).filter((query) => query.panel === panel),
        ]),
    ) as [string, string, SentQuery[]][],
  )('finds the labels that are columns of the table on %s: %s', async (_dashboard, _title, queries) => {
    const answers = await Promise.all(queries.map((query) => answer(prometheus, query, hasFigures)));
    const labels = answers.flat().flatMap(({ metric }) => Object.keys(metric));
    for (const query of queries) {
      const columns = Object.keys(organized(query)).filter((field) => !field.startsWith('Value'));
      expect(labels).toEqual(expect.arrayContaining(columns));
    }
  });

  it('marks a change of version where it happens, and no start of the first', async () => {
    const query = queryAt('annotation Version changes');
    await seen('farmer_build_info{job="updated", version="1"} offset 6s');
    exporter.version = '2';
    const found = await answer(prometheus, query, hasFigures, 'updated');
    expect(found.map(({ metric }) => metric['version'])).toEqual(['2']);
  }, 30_000);

  it('says when a disk is full that others fill, and that it is when what is given does not fit', async () => {
    const query = queryAt('Disk full in A');
    const [filling] = await answer(prometheus, query, hasFigures, 'updated');
    const seconds = filling?.points[0]?.[1];
    expect(seconds).toBeGreaterThan(800);
    expect(seconds).toBeLessThan(1_000);
    exporter.capacityBytes = 2_000_000_000;
    const isNow = ([series]: Series[]) => series?.points[0]?.[1] === 0;
    expect(await answer(prometheus, query, isNow, 'updated')).toHaveLength(1);
  });
});

/** Asks as Grafana would, again and again until the answer is good; for 15 seconds. */
async function answer(
  prometheus: Prometheus,
  query: SentQuery,
  isGood: (found: Series[]) => boolean,
  job = query.dashboard === 'Mock node' ? 'mock-node' : 'farmer',
): Promise<Series[]> {
  const expr = replaced(query.expr, { job, stepSeconds: 2, rateInterval: '6s', range: '30s' });
  const isOverTime = query.kind === 'range' || query.kind === 'annotation';
  return await until(async () => {
    const now = Date.now() / 1000;
    return isOverTime
      ? await prometheus.queryRange(expr, { start: now - 30, end: now, step: 2 })
      : await prometheus.query(expr);
  }, isGood);
}

/** Changes a byte of a chunk: at its next proof the farmer sees it, and makes the chunk again. */
function spoil(chunks: string): void {
  const [name = ''] = readdirSync(chunks);
  const path = join(chunks, name);
  writeFileSync(
    path,
    readFileSync(path).map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
  );
}

function queryAt(place: string): SentQuery {
  const query = DASHBOARDS.flatMap(listQueries).find(({ where }) => where === place);
  if (query === undefined) throw new Error(`no query at ${place}`);
  return query;
}

interface Exporter {
  readonly url: string;
  version: string;
  capacityBytes: number;
  close(): void;
}

/** What a farmer would say whose version and capacity change, and whose disk of 1 GB loses 1 MB a second to others. */
async function anExporter(): Promise<Exporter> {
  const start = performance.now();
  const exporter = { url: '', version: '1', capacityBytes: 5_000, close: () => server.close() };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    const lines = [
      `farmer_build_info{version="${exporter.version}",node_version="0"} 1`,
      `farmer_disk_free_bytes{disk="/d"} ${1e9 - performance.now() * 1000 + start * 1000}`,
      `farmer_disk_capacity_bytes{disk="/d"} ${exporter.capacityBytes}`,
      'farmer_disk_used_bytes{disk="/d"} 5000',
    ];
    response.end(`${lines.join('\n')}\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  exporter.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return exporter;
}

function hasFigures(found: readonly Series[]): boolean {
  return found.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
}

/** A table's columns: field to title. */
function organized({ panel }: SentQuery): Record<string, string> {
  const options = panel?.transformations?.find(({ id }) => id === 'organize')?.options ?? {};
  return options['renameByName'] as Record<string, string>;
}
