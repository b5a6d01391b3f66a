import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { FarmerMetrics } from '../../farmer/src/metrics/metrics.ts';
import { TestFarm, until } from '../../test/support/test-farm.ts';
import { describeWith } from '../../test/support/tools.ts';

const HOME = join(import.meta.dirname, '..');
const RUNBOOKS = join(HOME, '../docs/runbooks');
const RUNBOOK_URL = 'https://github.com/downstream/downstream/blob/main/docs/runbooks/';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Cases {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts?: readonly object[] }[];
    readonly promql_expr_test?: readonly { readonly expr: string }[];
  }[];
}

const yamlOf = <T>(pattern: string): T[] =>
  globSync(pattern, { cwd: HOME }).map((path) => parse(readFileSync(join(HOME, path), 'utf8')) as T);

const rules = yamlOf<{ groups: { rules: Rule[] }[] }>('rules/*.yml').flatMap(({ groups }) =>
  groups.flatMap((group) => group.rules),
);
const cases = yamlOf<Cases>('test/*.yml').flatMap(({ tests }) => tests);
const alerts = rules.flatMap(({ alert, ...rule }) => (alert === undefined ? [] : [{ alert, ...rule }]));
const recorded = rules.flatMap(({ record }) => record ?? []);
const alertNames = [...new Set(alerts.map(({ alert }) => alert))].sort();

/** The metrics that an expression reads. */
function metricsIn(expr: string): string[] {
  const found: string[] = [];
  parser.parse(expr).iterate({
    enter({ name, node }) {
      if (name === '⚠') throw new Error(`not PromQL: ${expr}`);
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') found.push(expr.slice(node.from, node.to));
    },
  });
  return found;
}

function promtool(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: HOME, input, encoding: 'utf8' });
  return { status, told: `${stdout}${stderr}` };
}

/** Those that nobody exports or records. */
function unknown(metrics: readonly string[]): string[] {
  const exported = new FarmerMetrics({ version: '0' }).names.flatMap((name) => [
    name,
    ...['bucket', 'count', 'sum'].map((part) => `${name}_${part}`),
  ]);
  const known = new Set([...exported, ...recorded, 'up']);
  return metrics.filter((metric) => !known.has(metric));
}

describe('the rules', () => {
  it('read nothing but what the farmer exports, what they record, and whether it is up', () => {
    const read = rules.flatMap(({ expr }) => metricsIn(expr));
    expect(read.length).toBeGreaterThan(rules.length);
    expect(unknown(read)).toEqual([]);
  });

  it('record nothing that no rule reads', () => {
    const read = new Set(rules.flatMap(({ expr }) => metricsIn(expr)));
    expect(recorded.filter((name) => !read.has(name))).toEqual([]);
  });

  it('have cases: each alert fires in one and stays quiet in another, each record is reckoned', () => {
    const expected = cases.flatMap(({ alert_rule_test = [] }) => alert_rule_test);
    const named = (fires: boolean) => {
      const found = expected.filter(({ exp_alerts = [] }) => exp_alerts.length > 0 === fires);
      return [...new Set(found.map(({ alertname }) => alertname))].sort();
    };
    expect(named(true)).toEqual(alertNames);
    expect(named(false)).toEqual(alertNames);
    const reckoned = cases.flatMap(({ promql_expr_test = [] }) =>
      promql_expr_test.flatMap(({ expr }) => metricsIn(expr)),
    );
    expect([...new Set(reckoned)].sort()).toEqual([...recorded].sort());
  });
});

describe('the alerts', () => {
  it.each(alerts)('say how grave $alert is, what it means and where to read on', ({ alert, labels, annotations }) => {
    expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning|info)$/) });
    expect(annotations).toEqual({
      summary: expect.stringMatching(/^.+\.$/),
      description: expect.stringMatching(/^.+\.$/),
      runbook_url: `${RUNBOOK_URL}${alert}.md`,
    });
  });

  it('have a runbook each, and no runbook is about nothing', () => {
    const pages = readdirSync(RUNBOOKS).filter((name) => name !== 'README.md');
    expect(pages.sort()).toEqual(alertNames.map((name) => `${name}.md`));
    const index = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8');
    const severities = alertNames.map((name) => {
      const of = alerts.filter(({ alert }) => alert === name).map(({ labels }) => labels?.['severity']);
      return `| [${name}](${name}.md) | ${of.join(', ')} |`;
    });
    expect(severities.filter((row) => !index.includes(row))).toEqual([]);
  });
});

describe('the runbooks', () => {
  it('ask Prometheus for nothing that is not there', () => {
    const queries = readdirSync(RUNBOOKS).flatMap((name) => {
      const page = readFileSync(join(RUNBOOKS, name), 'utf8');
      return [...page.matchAll(/```promql\n(.+?)\n```/gs)].flatMap(([, lines = '']) => lines.split('\n'));
    });
    const read = queries.flatMap(metricsIn);
    expect(read.length).toBeGreaterThan(alertNames.length);
    expect(unknown(read)).toEqual([]);
  });

  it('lead to pages that are there', () => {
    const links = readdirSync(RUNBOOKS).flatMap((name) =>
      [...readFileSync(join(RUNBOOKS, name), 'utf8').matchAll(/\]\(([^)#:]+)/g)].map(([, to = '']) => to),
    );
    expect(links.length).toBeGreaterThan(alertNames.length);
    expect(links.filter((to) => !existsSync(join(RUNBOOKS, to)))).toEqual([]);
  });
});

describeWith(['promtool'], 'promtool', () => {
  it('accepts the configuration', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatchObject({ status: 0 });
  });

  it('accepts the rules', () => {
    const files = globSync('rules/*.yml', { cwd: HOME });
    expect(promtool(['check', 'rules', '--lint=all', '--lint-fatal', ...files])).toMatchObject({ status: 0 });
  });

  it.each(globSync('test/*.yml', { cwd: HOME }))('sees each case of %s come out as expected', (file) => {
    expect(promtool(['test', 'rules', file])).toEqual({ status: 0, told: expect.stringContaining('SUCCESS') });
  });

  it('has no complaint about what a farmer and a node that work together export', async () => {
    await using farm = new TestFarm();
    const node = await farm.node();
    const farmer = await farm.farmer(node.url);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    const ofNode = await (await fetch(`${node.url}/metrics`)).text();
    expect(promtool(['check', 'metrics'], await farmer.metrics())).toEqual({ status: 0, told: '' });
    expect(promtool(['check', 'metrics'], ofNode)).toEqual({ status: 0, told: '' });
  });
});
