import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Prometheus, type Series, startPrometheus } from '../../test/support/prometheus.ts';
import { TestFarm, until } from '../../test/support/test-farm.ts';
import { describeWith } from '../../test/support/tools.ts';
import { DASHBOARDS, type DashboardQuery, interpolate, listPanels, listQueries } from './dashboard-file.ts';

/** Queries that may return nothing on a healthy farm that is a few seconds old. */
const MAY_BE_EMPTY: Readonly<Record<string, string>> = {
  'annotation Version changes': 'the version does not change while a process runs; tested below',
  'Last full scrub A': 'a cycle takes two weeks',
  'Disk full in A': 'empty unless a disk is filling; tested below',
};

/** An alert that always fires. */
const RULES = {
  groups: [{ name: 'test', rules: [{ alert: 'Test', expr: 'up == 1', labels: { severity: 'warning', node: 'n' } }] }],
};

describeWith(['prometheus'], 'dashboard queries in a real Prometheus', () => {
  let farm: TestFarm;
  let prometheus: Prometheus;
  let exporter: Exporter;
  const waitFor = async (expr: string) =>
    await until(
      () => prometheus.query(expr),
      (found) => found.length > 0,
    );
  beforeAll(async () => {
    farm = new TestFarm();
    const rules = join(farm.folder, 'rules.yml');
    writeFileSync(rules, JSON.stringify(RULES));
    exporter = await startExporter();
    const node = await farm.startNode({
      // Several rounds in the period of each query. A missed deadline does no harm.
      intervalMs: 1_000,
      faults: [{ name: 'late', match: { route: 'due' }, effect: { kind: 'fixed', ms: 1 } }],
    });
    const farmer = await farm.startFarmer(node.url);
    prometheus = await startPrometheus({
      targets: [
        { job: 'farmer', urls: [farmer.url], labels: { namespace: 'farm' } },
        { job: 'mock-node', urls: [node.url], labels: { namespace: 'farm' } },
        { job: 'updated', urls: [exporter.url] },
        ...['one', 'two'].map((namespace) => ({
          job: 'twins',
          urls: [exporter.url],
          labels: { namespace, instance: 'farmer-0' },
        })),
      ],
      rules: [rules],
    });
    // Increases exclude what happened before the first scrape, so a chunk is rebuilt after it.
    await waitFor('farmer_contracts{state="waiting"} == 5');
    corruptChunk(join(farm.dataDir, 'chunks'));
  }, 60_000);
  afterAll(async () => {
    await prometheus?.stop();
    await farm?.[Symbol.asyncDispose]();
    exporter?.close();
  });

  it.each(DASHBOARDS.flatMap(listQueries).map((query) => [`${query.dashboard}: ${query.where}`, query] as const))(
    'return data: %s',
    async (_, query) => {
      const mayBeEmpty = MAY_BE_EMPTY[query.where] !== undefined;
      const found = await runQuery(prometheus, query, mayBeEmpty ? () => true : hasNumbers);
      for (const { metric } of found) {
        for (const [, label = ''] of (query.legend ?? '').matchAll(/\{\{(\w+)\}\}/g))
          expect(metric).toHaveProperty(label);
      }
      // A stat shows one value per series.
      if (query.panel?.type === 'stat' && !mayBeEmpty) expect(found).toHaveLength(1);
    },
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
    ) as [string, string, DashboardQuery[]][],
  )('return the labels that are columns of the table on %s: %s', async (_dashboard, _title, queries) => {
    const answers = await Promise.all(queries.map((query) => runQuery(prometheus, query, hasNumbers)));
    const labels = answers.flat().flatMap(({ metric }) => Object.keys(metric));
    for (const query of queries) {
      const columns = Object.keys(listColumns(query)).filter((field) => !field.startsWith('Value'));
      expect(labels).toEqual(expect.arrayContaining(columns));
    }
  });

  it('keep farmers with the same name in two namespaces apart', async () => {
    const query = findQuery('Farmers, worst first A');
    const read = async (namespace?: string) =>
      (await runQuery(prometheus, query, hasNumbers, 'twins', namespace)).map(({ metric, points }) => [
        metric['namespace'],
        metric['selection'],
        points[0]?.[1],
      ]);
    await waitFor('count(up{job="twins"}) == 2');
    expect((await read()).sort()).toEqual([
      ['one', 'one', 1],
      ['two', 'two', 1],
    ]);
    expect(await read('two')).toEqual([['two', 'two', 1]]);
  });

  it('link to a farmer outside of Kubernetes too', async () => {
    const query = findQuery('Farmers, worst first A');
    const [farmer] = await runQuery(prometheus, query, hasNumbers, 'updated');
    expect(farmer?.metric).toMatchObject({ selection: '.*' });
    expect(farmer?.metric).not.toHaveProperty('namespace');
  });

  it('annotate a new build of the same version, but not the first build', async () => {
    const query = findQuery('annotation Version changes');
    await waitFor('farmer_build_info{job="updated", commit="a"} offset 6s');
    exporter.commit = 'b';
    const found = await runQuery(prometheus, query, hasNumbers, 'updated');
    expect(found.map(({ metric }) => metric['commit'])).toEqual(['b']);
  });

  it('forecast when other programs fill a disk, and show 0 if the capacity does not fit', async () => {
    const query = findQuery('Disk full in A');
    const [filling] = await runQuery(prometheus, query, hasNumbers, 'updated');
    const seconds = filling?.points[0]?.[1];
    // 1 GB at 1 MB/s. On a busy machine, a scrape is timestamped up to some seconds after its values were read.
    expect(seconds).toBeGreaterThan(500);
    expect(seconds).toBeLessThan(2_000);
    exporter.capacityBytes = 2_000_000_000;
    const isNow = ([series]: Series[]) => series?.points[0]?.[1] === 0;
    expect(await runQuery(prometheus, query, isNow, 'updated')).toHaveLength(1);
  });
});

/** Runs a query as Grafana does, until the result is as expected. */
async function runQuery(
  prometheus: Prometheus,
  query: DashboardQuery,
  isExpected: (found: Series[]) => boolean,
  job = query.dashboard === 'Mock node' ? 'mock-node' : 'farmer',
  namespace?: string,
): Promise<Series[]> {
  const selection = { ...(namespace !== undefined && { namespace }), job };
  const expr = interpolate(query.expr, { ...selection, stepSeconds: 2, rateInterval: '6s', range: '30s' });
  const isOverTime = query.kind === 'range' || query.kind === 'annotation';
  return await until(async () => {
    const now = Date.now() / 1000;
    return isOverTime
      ? await prometheus.queryRange(expr, { start: now - 30, end: now, step: 2 })
      : await prometheus.query(expr);
  }, isExpected);
}

/** Changes a byte of a chunk, so that the farmer rebuilds it at its next proof. */
function corruptChunk(chunks: string): void {
  const [name = ''] = readdirSync(chunks);
  const path = join(chunks, name);
  writeFileSync(
    path,
    readFileSync(path).map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
  );
}

function findQuery(name: string): DashboardQuery {
  const query = DASHBOARDS.flatMap(listQueries).find(({ where }) => where === name);
  if (query === undefined) throw new Error(`no query ${name}`);
  return query;
}

interface Exporter {
  readonly url: string;
  commit: string;
  capacityBytes: number;
  close(): void;
}

/** Serves metrics of a farmer with a changing commit and capacity, and a disk of 1 GB that fills by 1 MB/s. */
async function startExporter(): Promise<Exporter> {
  const start = performance.now();
  const exporter = { url: '', commit: 'a', capacityBytes: 5_000, close: () => server.close() };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    const lines = [
      `farmer_build_info{version="1",commit="${exporter.commit}",node_version="0"} 1`,
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

function hasNumbers(found: readonly Series[]): boolean {
  return found.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
}

/** The columns of a table, from field to title. */
function listColumns({ panel }: DashboardQuery): Record<string, string> {
  const options = panel?.transformations?.find(({ id }) => id === 'organize')?.options ?? {};
  return options['renameByName'] as Record<string, string>;
}
