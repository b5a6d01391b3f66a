import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { renderDashboardFiles } from '../src/files.ts';
import { DASHBOARDS, type DashboardFile, listPanels, listQueries, type PanelFile } from './dashboard-file.ts';

const ROOT = join(import.meta.dirname, '../..');
const readProvisioning = (path: string) =>
  parse(readFileSync(join(ROOT, 'grafana/provisioning', path), 'utf8')) as unknown;

/** Grafana shows an unknown unit as a suffix instead of rejecting it. */
const UNITS = ['s', 'bytes', 'percentunit', 'short', 'reqps', 'none'];
const PANEL_TYPES = ['timeseries', 'stat', 'heatmap', 'table', 'state-timeline'];

describe('dashboards/*.json', () => {
  it.each(renderDashboardFiles().map(({ path, text }) => [path.replace(`${ROOT}/`, ''), text]))(
    'matches what `npm run dashboards` writes: %s',
    (path, text) => {
      expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
    },
  );

  it('has the three uids that links use', () => {
    expect(DASHBOARDS.map(({ uid }) => uid)).toEqual(['downstream-farmer', 'downstream-fleet', 'downstream-mock-node']);
  });
});

describe.each(DASHBOARDS.map((dashboard) => [dashboard.title, dashboard] as const))('dashboard %s', (_, dashboard) => {
  const panels = listPanels(dashboard);

  it('suits file provisioning: not editable, classic schema, no id', () => {
    expect(dashboard).toMatchObject({
      editable: false,
      schemaVersion: 42,
      description: expect.stringMatching(/\w{3}/),
    });
    expect(dashboard.id).toBeUndefined();
  });

  it('links to the other dashboards and the runbooks', () => {
    expect(dashboard.tags).toEqual(['downstream']);
    expect(dashboard.links).toEqual([
      expect.objectContaining({ type: 'dashboards', tags: ['downstream'] }),
      expect.objectContaining({ type: 'link', url: expect.stringMatching(/docs\/runbooks$/) }),
    ]);
  });

  it('has the usual variables of a Prometheus dashboard', () => {
    const { list } = dashboard.templating;
    expect(list.map(({ name, label, type }) => [name, label, type])).toEqual([
      ['datasource', 'Data source', 'datasource'],
      ['namespace', 'Namespace', 'query'],
      ['job', 'Job', 'query'],
      ['instance', 'Instance', 'query'],
    ]);
    const [datasource, ...queries] = list;
    expect(datasource).toMatchObject({ query: 'prometheus', multi: false });
    for (const variable of queries) {
      expect(variable).toMatchObject({
        datasource: { uid: `\${datasource}` },
        multi: true,
        includeAll: true,
        refresh: 2,
      });
    }
  });

  it('limits All of the variable job to its own service, because every job has `up` and `process_…`', () => {
    const [, , job, instance] = dashboard.templating.list;
    expect(job?.allValue).toBeUndefined();
    expect(instance?.allValue).toBe('.+');
  });

  it('includes targets without a namespace in All of the variable namespace', () => {
    expect(dashboard.templating.list[1]?.allValue).toBe('.*');
  });

  it('gives every panel a unique id', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.min(...ids)).toBeGreaterThan(0);
  });

  it('has no overlapping panels and none beyond the 24 columns', () => {
    const occupied = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          const other = occupied.get(`${x},${y}`);
          if (other !== undefined) throw new Error(`"${title}" overlaps "${other}"`);
          occupied.set(`${x},${y}`, title);
        }
      }
    }
  });

  it('gives every panel a unique title, a question and what is normal', () => {
    const titles = panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(panels.filter(({ description }) => !/\?.* Normal: /s.test(description)).map(({ title }) => title)).toEqual(
      [],
    );
  });

  it('gives every panel a unit', () => {
    expect(panels.filter(({ fieldConfig }) => !UNITS.includes(fieldConfig.defaults.unit ?? '')).map(nameOf)).toEqual(
      [],
    );
  });

  it('sets for every panel type what the builders omit', () => {
    for (const panel of panels) {
      expect(PANEL_TYPES).toContain(panel.type);
      if (panel.type === 'stat') expect(panel.options.reduceOptions?.calcs).toEqual(['lastNotNull']);
      if (panel.type === 'timeseries') expect(panel.options.legend?.showLegend).toBe(true);
    }
  });

  it('uses the data source variable for every query', () => {
    const datasources = [
      ...panels.flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((target) => target.datasource)]),
      ...dashboard.annotations.list.map(({ datasource }) => datasource),
    ];
    expect(new Set(datasources.map(({ uid }) => uid))).toEqual(new Set([`\${datasource}`]));
  });

  it('names the queries of a panel A, B, C …, each instant or range, with a legend', () => {
    for (const { targets = [] } of panels) {
      expect(targets.length).toBeGreaterThan(0);
      expect(targets.map(({ refId }) => refId)).toEqual(targets.map((_, index) => String.fromCharCode(65 + index)));
      for (const { instant, range, legendFormat } of targets) {
        expect(instant).not.toBe(range);
        expect(legendFormat).not.toBe('');
      }
    }
  });

  it('restricts every query to the selected namespaces, jobs and instances', () => {
    const unrestricted = listQueries(dashboard)
      .filter(({ kind }) => kind !== 'variable')
      .flatMap(({ where, expr }) =>
        [...expr.matchAll(/\{([^{}]*)\}/g)].map(([, matchers = '']) => ({ where, matchers })),
      )
      .filter(({ matchers }) => !/namespace=~"\$namespace\|?", job=~"\$job", instance=~"\$instance\|?"/.test(matchers));
    expect(unrestricted).toEqual([]);
  });

  it('computes rates over $__rate_interval and totals over $__range', () => {
    const windows = listQueries(dashboard).flatMap(({ where, kind, expr }) =>
      [...expr.matchAll(/(?:rate|increase|changes)\(\w+\{[^}]*\}\[([^\]]+)\]/g)].map(([, over]) => ({
        where,
        kind,
        over,
      })),
    );
    expect(windows.length).toBeGreaterThan(0);
    expect(windows.filter(({ kind, over }) => over !== (kind === 'instant' ? '$__range' : '$__rate_interval'))).toEqual(
      [],
    );
  });

  it('links only to runbooks that exist', () => {
    const urls = panels.flatMap(({ links = [] }) => links.map(({ url }) => url));
    const missing = urls.filter((url) => {
      const [, name] =
        /^https:\/\/github\.com\/downstream\/downstream\/blob\/main\/(docs\/runbooks\/\w+\.md)$/.exec(url) ?? [];
      return name === undefined || !existsSync(join(ROOT, name));
    });
    expect(missing).toEqual([]);
  });

  it('names and colours only table columns that its queries return', () => {
    for (const panel of panels.filter(({ type }) => type === 'table')) expectKnownColumns(panel);
  });
});

function expectKnownColumns({ targets = [], transformations = [], fieldConfig }: PanelFile): void {
  const organize = transformations.find(({ id }) => id === 'organize')?.options as {
    renameByName: Record<string, string>;
  };
  const values = targets.map(({ refId }) => (targets.length === 1 ? 'Value' : `Value #${refId}`));
  const known = Object.keys(organize.renameByName).filter((field) => field.startsWith('Value'));
  expect(values).toEqual(expect.arrayContaining(known));
  const titles = Object.values(organize.renameByName);
  expect(titles).toEqual(expect.arrayContaining(fieldConfig.overrides.map(({ matcher }) => matcher.options)));
}

function nameOf({ title }: PanelFile | DashboardFile): string {
  return title;
}

describe('provisioning', () => {
  it('provides the read-only data source that the dashboards select by default', () => {
    expect(readProvisioning('datasources/prometheus.yml')).toMatchObject({
      apiVersion: 1,
      datasources: [{ uid: 'prometheus', type: 'prometheus', url: 'http://prometheus:9090', editable: false }],
    });
    for (const { templating } of DASHBOARDS) {
      expect(templating.list[0]).toMatchObject({ current: { value: 'prometheus' } });
    }
  });

  it('sets the scrape interval of Prometheus, from which Grafana computes $__rate_interval', () => {
    const { global } = parse(readFileSync(join(ROOT, 'prometheus/prometheus.yml'), 'utf8')) as {
      global: { scrape_interval: string };
    };
    expect(readProvisioning('datasources/prometheus.yml')).toMatchObject({
      datasources: [{ jsonData: { timeInterval: global.scrape_interval } }],
    });
  });

  it('loads the dashboards from the folder that compose mounts', () => {
    expect(readProvisioning('dashboards/downstream.yml')).toMatchObject({
      apiVersion: 1,
      providers: [
        { type: 'file', folder: 'Downstream', allowUiUpdates: false, options: { path: '/etc/grafana/dashboards' } },
      ],
    });
  });
});
