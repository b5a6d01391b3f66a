import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { DASHBOARDS, type DashboardQuery, interpolate, listQueries } from '../../../grafana/test/dashboard-file.ts';
import type { PrometheusApi, Series } from '../../../test/support/prometheus.ts';
import { kubectl, tryKubectl } from './commands.ts';
import { Farm } from './farm.ts';
import { hasOperator } from './operator.ts';
import { MONITORING, withPrometheus } from './prometheus.ts';
import { untilEqual } from './until.ts';

const FOLDER = join(import.meta.dirname, '../../monitoring');

interface RuleSource {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}
const { spec } = parse(readFileSync(join(FOLDER, 'prometheus-rule.yaml'), 'utf8'));
const RULES: readonly RuleSource[] = spec.groups.flatMap(({ rules }: { rules: RuleSource[] }) => rules);
const findAlert = (name: string) => RULES.find(({ alert }) => alert === name);

/** Queries of the dashboards about farmers. The mock node is not scraped. */
const QUERIES = DASHBOARDS.filter(({ uid }) => uid !== 'downstream-mock-node')
  .flatMap(listQueries)
  .filter(({ kind }) => kind !== 'variable');

/** The operator, the machine and Prometheus take up to two minutes to load a configuration. */
const LOADED_WITHIN_MS = 180_000;

const describeWithOperator = (await hasOperator('monitoring of two farms')) ? describe : describe.skip;

describeWithOperator('monitoring of two farms', () => {
  let wasApplied: boolean;
  let one: Farm;
  let two: Farm;
  beforeAll(async () => {
    wasApplied = (await tryKubectl(['--namespace', MONITORING, 'get', 'prometheusrule', 'farmer'])).exitCode === 0;
    await kubectl(['apply', '--server-side', '--kustomize', FOLDER]);
    [one, two] = await Promise.all([startFarm('one', 2), startFarm('two', 1)]);
    await two.kubectl(['apply', '--filename=-'], { input: JSON.stringify(createFastRule()) });
  });
  afterAll(async () => {
    await Promise.all([one?.remove(), two?.remove()]);
    if (!wasApplied) await kubectl(['delete', '--ignore-not-found', '--kustomize', FOLDER]);
  });

  /** The farmers that series belong to, without those of other farms in the cluster. */
  const listFarmers = (found: readonly Series[]) => {
    const names = found.flatMap(({ metric: { namespace, instance } }) =>
      namespace === one.namespace ? [`one/${instance}`] : namespace === two.namespace ? [`two/${instance}`] : [],
    );
    return [...new Set(names)].sort();
  };

  /** Waits until a query returns series of all farmers. */
  async function untilAll(expr: string): Promise<void> {
    const expected = ['one/farmer-0', 'one/farmer-1', 'two/farmer-0'];
    await withPrometheus(
      async ({ query }) =>
        await untilEqual(expr, async () => listFarmers(await query(expr)), expected, LOADED_WITHIN_MS),
    );
  }

  it('scrapes the farmers of both', async () => {
    await untilAll('up{job="farmer"} == 1');
  });

  it('loads every rule once, and each is healthy', async () => {
    const expected = RULES.map(({ alert, record }) => `${alert ?? record} ok`).sort();
    await withPrometheus(async (prometheus) => {
      const list = async () =>
        (await prometheus.listRules())
          .filter(({ file }) => [MONITORING, one.namespace, two.namespace].some((name) => isFrom(file, name, 'farmer')))
          .map(({ name, health, lastError = '' }) => `${name} ${health}${lastError}`)
          .sort();
      await untilEqual('healthy rules', list, expected, LOADED_WITHIN_MS);
    });
  });

  it.each(RULES.flatMap(({ record = [] }) => record))('keeps their farmers apart in %s', async (record) => {
    await untilAll(record);
  });

  it('shows only the selected farm on the dashboards', async () => {
    await withPrometheus(async (prometheus) => {
      const wrong: string[] = [];
      for (const query of QUERIES) {
        const found = await runQuery(prometheus, query, one.namespace);
        if (found.some(({ metric: { namespace = one.namespace } }) => namespace !== one.namespace))
          wrong.push(`${query.dashboard}: ${query.where}`);
        // Totals have no namespace: without a farm, there must be none.
        const ofNone = await runQuery(prometheus, query, 'none');
        if (ofNone.some(({ points }) => points.some(([, value]) => value !== 0)))
          wrong.push(`${query.dashboard}: ${query.where}`);
      }
      expect(wrong).toEqual([]);

      const up = QUERIES.find(({ where }) => where === 'Up A');
      if (up === undefined) throw new Error('no panel Up');
      const count = async (namespace: string) => (await runQuery(prometheus, up, namespace))[0]?.points[0]?.[1];
      expect({ one: await count(one.namespace), two: await count(two.namespace) }).toEqual({ one: 2, two: 1 });
    });
  });

  it('alerts for the farm that fails only, and until it works again', async () => {
    const farms = [one.namespace, two.namespace];
    const untilFiring = async (expected: readonly object[]) =>
      await withPrometheus(async (prometheus) => {
        const list = async () =>
          (await prometheus.listRules())
            .filter(({ file }) => isFrom(file, two.namespace, FAST_RULE))
            .flatMap(({ alerts = [] }) => alerts)
            .filter(({ state, labels: { namespace = '' } }) => state === 'firing' && farms.includes(namespace))
            .map(({ labels: { namespace, instance, severity }, annotations: { summary } }) => ({
              namespace,
              instance,
              severity,
              summary,
            }));
        await untilEqual<object[]>('alerts', list, [...expected], LOADED_WITHIN_MS);
      });
    // The farmer refuses to start, and the rollout stops there.
    await two.apply({ settings: { FARMER_WORKERS: 'many' } });
    const { namespace } = two;
    const summary = `Farmer ${namespace}/farmer-0 is down.`;
    await untilFiring([{ namespace, instance: 'farmer-0', severity: 'critical', summary }]);
    await two.kubectl(['rollout', 'undo', 'statefulset/farmer']);
    await two.rollout();
    await untilFiring([]);
  });

  it('notices that one farm is gone', async () => {
    await two.kubectl(['scale', 'statefulset/farmer', '--replicas=0']);
    await withPrometheus(async ({ query }) => {
      const { expr = '' } = findAlert('FarmerAbsent') ?? {};
      const list = async () => {
        const absent = (await query(expr)).map(({ metric }) => metric['namespace']);
        return { one: absent.includes(one.namespace), two: absent.includes(two.namespace) };
      };
      await untilEqual('the farm to be absent', list, { one: false, two: true });
    });
  });
});

async function startFarm(name: string, farmers: number): Promise<Farm> {
  const interval = [{ op: 'replace', path: '/spec/podMetricsEndpoints/0/interval', value: '2s' }];
  const patches = [{ target: { kind: 'PodMonitor', name: 'farmer' }, patch: JSON.stringify(interval) }];
  return await Farm.start(`farm-${name}`, { farmers, components: ['monitoring'], patches });
}

const FAST_RULE = 'fast';

/** The alert FarmerDown, but after seconds instead of minutes. */
function createFastRule(): object {
  const rules = [{ ...findAlert('FarmerDown'), for: '4s' }];
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: FAST_RULE },
    spec: { groups: [{ name: FAST_RULE, interval: '2s', rules }] },
  };
}

/** Whether Prometheus has loaded a rule file from a PrometheusRule. */
function isFrom(file: string, namespace: string, name: string): boolean {
  // The operator's file name contains the id of the PrometheusRule too.
  return file.includes(`/${namespace}-${name}-`);
}

/** Runs a dashboard's query now, as Grafana does when a namespace is selected. */
async function runQuery({ query }: PrometheusApi, { expr }: DashboardQuery, namespace: string): Promise<Series[]> {
  return await query(interpolate(expr, { namespace, job: 'farmer', stepSeconds: 2, rateInterval: '8s', range: '1m' }));
}
