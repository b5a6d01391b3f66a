import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { dashboardFiles } from '../src/files.ts';
import { DASHBOARDS, type DashboardFile, listPanels, listQueries, type PanelFile } from './dashboard-file.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => parse(readFileSync(join(ROOT, 'grafana/provisioning', path), 'utf8')) as unknown;

/** Units that these dashboards use; a wrong one is shown as a suffix, not refused. */
const UNITS = ['s', 'bytes', 'percentunit', 'short', 'reqps', 'none'];
const VALUE_FORMATS = ['timeseries', 'stat', 'heatmap', 'table', 'state-timeline'];

describe('the dashboard files', () => {
  it.each(dashboardFiles().map(({ path, text }) => [path.replace(`${ROOT}/`, ''), text]))(
    '%s is what `npm run dashboards` writes',
    (path, text) => {
      expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
    },
  );

  it('are three, each with the uid by which others link to it', () => {
    expect(DASHBOARDS.map(({ uid }) => uid)).toEqual(['downstream-farmer', 'downstream-fleet', 'downstream-mock-node']);
  });
});

describe.each(DASHBOARDS.map((dashboard) => [dashboard.title, dashboard] as const))(
  'the dashboard %s',
  (_, dashboard) => {
    const panels = listPanels(dashboard);

    it('is one for file provisioning: not editable, of the classic schema, without an id of its own', () => {
      expect(dashboard).toMatchObject({
        editable: false,
        schemaVersion: 42,
        description: expect.stringMatching(/\w{3}/),
      });
      expect(dashboard.id).toBeUndefined();
    });

    it('links to the other dashboards, and to the runbooks', () => {
      expect(dashboard.tags).toEqual(['downstream']);
      expect(dashboard.links).toEqual([
        expect.objectContaining({ type: 'dashboards', tags: ['downstream'] }),
        expect.objectContaining({ type: 'link', url: expect.stringMatching(/docs\/runbooks$/) }),
      ]);
    });

    it('has the variables datasource, job and instance, in the form that all Prometheus dashboards have', () => {
      const { list } = dashboard.templating;
      expect(list.map(({ name, label, type }) => [name, label, type])).toEqual([
        ['datasource', 'Data source', 'datasource'],
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

    it('means by all jobs those of its own service: `up` and `process_…` are of every job there is', () => {
      const [, job, instance] = dashboard.templating.list;
      expect(job?.allValue).toBeUndefined();
      expect(instance?.allValue).toBe('.+');
    });

    it('gives every panel its own id', () => {
      const ids = dashboard.panels.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(Math.min(...ids)).toBeGreaterThan(0);
    });

    it('has no two panels in one place, and none beyond the 24 columns', () => {
      const taken = new Map<string, string>();
      for (const { title, gridPos } of dashboard.panels) {
        expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            const other = taken.get(`${x},${y}`);
            if (other !== undefined) throw new Error(`"${title}" lies over "${other}"`);
            taken.set(`${x},${y}`, title);
          }
        }
      }
    });

    it('says of every panel what it shows, which question it answers, and what is normal', () => {
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

    it('has only kinds of panels that its wrapper knows, each with what the builders leave out', () => {
      for (const panel of panels) {
        expect(VALUE_FORMATS).toContain(panel.type);
        if (panel.type === 'stat') expect(panel.options.reduceOptions?.calcs).toEqual(['lastNotNull']);
        if (panel.type === 'timeseries') expect(panel.options.legend?.showLegend).toBe(true);
      }
    });

    it('takes the data source of every query from the variable', () => {
      const used = [
        ...panels.flatMap(({ datasource, targets = [] }) => [
          datasource,
          ...targets.map((target) => target.datasource),
        ]),
        ...dashboard.annotations.list.map(({ datasource }) => datasource),
      ];
      expect(new Set(used.map(({ uid }) => uid))).toEqual(new Set([`\${datasource}`]));
    });

    it('names the queries of a panel A, B, C …, each for one moment or for a range, and with a legend', () => {
      for (const { targets = [] } of panels) {
        expect(targets.length).toBeGreaterThan(0);
        expect(targets.map(({ refId }) => refId)).toEqual(targets.map((_, at) => String.fromCharCode(65 + at)));
        for (const { instant, range, legendFormat } of targets) {
          expect(instant).not.toBe(range);
          expect(legendFormat).not.toBe('');
        }
      }
    });

    it('asks in every query for the chosen jobs and instances only', () => {
      const open = listQueries(dashboard)
        .filter(({ kind }) => kind !== 'variable')
        .flatMap(({ where, expr }) =>
          [...expr.matchAll(/\{([^{}]*)\}/g)].map(([, matchers = '']) => ({ where, matchers })),
        )
        .filter(({ matchers }) => !/job=~"\$job", instance=~"\$instance(\|)?"/.test(matchers));
      expect(open).toEqual([]);
    });

    it('reckons rates over $__rate_interval, and what is summed up over $__range', () => {
      const windows = listQueries(dashboard).flatMap(({ where, kind, expr }) =>
        [...expr.matchAll(/(?:rate|increase|changes)\(\w+\{[^}]*\}\[([^\]]+)\]/g)].map(([, over]) => ({
          where,
          kind,
          over,
        })),
      );
      expect(windows.length).toBeGreaterThan(0);
      expect(
        windows.filter(({ kind, over }) => over !== (kind === 'instant' ? '$__range' : '$__rate_interval')),
      ).toEqual([]);
    });

    it('links every panel only to runbooks that are there', () => {
      const urls = panels.flatMap(({ links = [] }) => links.map(({ url }) => url));
      const missing = urls.filter((url) => {
        const [, name] =
          /^https:\/\/github\.com\/downstream\/downstream\/blob\/main\/(docs\/runbooks\/\w+\.md)$/.exec(url) ?? [];
        return name === undefined || !existsSync(join(ROOT, name));
      });
      expect(missing).toEqual([]);
    });

    it('names in a table only columns that its queries have, and colours only those', () => {
      for (const panel of panels.filter(({ type }) => type === 'table')) expectColumnsOf(panel);
    });
  },
);

function expectColumnsOf({ targets = [], transformations = [], fieldConfig }: PanelFile): void {
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

describe('the provisioning files', () => {
  it('bring the data source that the dashboards choose first, and that nobody changes by hand', () => {
    expect(read('datasources/prometheus.yml')).toMatchObject({
      apiVersion: 1,
      datasources: [{ uid: 'prometheus', type: 'prometheus', url: 'http://prometheus:9090', editable: false }],
    });
    for (const { templating } of DASHBOARDS) {
      expect(templating.list[0]).toMatchObject({ current: { value: 'prometheus' } });
    }
  });

  it('tell Grafana the interval at which Prometheus scrapes, from which it reckons $__rate_interval', () => {
    const { global } = parse(readFileSync(join(ROOT, 'prometheus/prometheus.yml'), 'utf8')) as {
      global: { scrape_interval: string };
    };
    expect(read('datasources/prometheus.yml')).toMatchObject({
      datasources: [{ jsonData: { timeInterval: global.scrape_interval } }],
    });
  });

  it('bring the dashboards from where the image has them', () => {
    expect(read('dashboards/downstream.yml')).toMatchObject({
      apiVersion: 1,
      providers: [
        { type: 'file', folder: 'Downstream', allowUiUpdates: false, options: { path: '/etc/grafana/dashboards' } },
      ],
    });
  });
});
