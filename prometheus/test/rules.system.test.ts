import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@downstream/platform';
import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { FarmerMetrics } from '../../farmer/src/metrics/metrics.ts';
import { TestFarm, until } from '../../test/support/test-farm.ts';
import { describeWith } from '../../test/support/tools.ts';

const ROOT = join(import.meta.dirname, '..');
const RUNBOOKS = join(ROOT, '../docs/runbooks');
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

const readYaml = <T>(pattern: string): T[] =>
  globSync(pattern, { cwd: ROOT }).map((path) => parse(readFileSync(join(ROOT, path), 'utf8')) as T);

const rules = readYaml<{ groups: { rules: Rule[] }[] }>('rules/*.yml').flatMap(({ groups }) =>
  groups.flatMap((group) => group.rules),
);
const cases = readYaml<Cases>('test/*.yml').flatMap(({ tests }) => tests);
const alerts = rules.flatMap(({ alert, ...rule }) => (alert === undefined ? [] : [{ alert, ...rule }]));
const recorded = rules.flatMap(({ record }) => record ?? []);
const alertNames = [...new Set(alerts.map(({ alert }) => alert))].sort();

/** The metrics that a query uses. */
function listMetrics(expr: string): string[] {
  const found: string[] = [];
  parser.parse(expr).iterate({
    enter({ name, node }) {
      if (name === '⚠') throw new Error(`invalid PromQL: ${expr}`);
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') found.push(expr.slice(node.from, node.to));
    },
  });
  return found;
}

function promtool(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: ROOT, input, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

/** Metrics that the farmer does not export and no rule records. */
function findUnknown(metrics: readonly string[]): string[] {
  const exported = new FarmerMetrics(
    { build: { version: '0', commit: 'unknown' }, nodes: [], disks: [] },
    { clock: systemClock, log: new FakeLogger() },
  ).names.flatMap((name) => [name, ...['bucket', 'count', 'sum'].map((part) => `${name}_${part}`)]);
  const known = new Set([...exported, ...recorded, 'up']);
  return metrics.filter((metric) => !known.has(metric));
}

describe('rules', () => {
  it('use only metrics that the farmer exports or rules record, and `up`', () => {
    const read = rules.flatMap(({ expr }) => listMetrics(expr));
    expect(read.length).toBeGreaterThan(rules.length);
    expect(findUnknown(read)).toEqual([]);
  });

  it('record only metrics that a rule uses', () => {
    const read = new Set(rules.flatMap(({ expr }) => listMetrics(expr)));
    expect(recorded.filter((name) => !read.has(name))).toEqual([]);
  });

  it('have cases in which each alert fires, each does not, and each recording is checked', () => {
    const expected = cases.flatMap(({ alert_rule_test = [] }) => alert_rule_test);
    const named = (fires: boolean) => {
      const found = expected.filter(({ exp_alerts = [] }) => exp_alerts.length > 0 === fires);
      return [...new Set(found.map(({ alertname }) => alertname))].sort();
    };
    expect(named(true)).toEqual(alertNames);
    expect(named(false)).toEqual(alertNames);
    const checked = cases.flatMap(({ promql_expr_test = [] }) =>
      promql_expr_test.flatMap(({ expr }) => listMetrics(expr)),
    );
    expect([...new Set(checked)].sort()).toEqual([...recorded].sort());
  });
});

describe('alerts', () => {
  it.each(alerts)('have a severity, texts and a runbook: $alert', ({ alert, labels, annotations }) => {
    // No series is left that would have the job.
    const job = alert === 'FarmerAbsent' ? { job: 'farmer' } : {};
    expect(labels).toEqual({ ...job, severity: expect.stringMatching(/^(critical|warning|info)$/) });
    expect(annotations).toEqual({
      summary: expect.stringMatching(/^.+\.$/),
      description: expect.stringMatching(/^.+\.$/),
      runbook_url: `${RUNBOOK_URL}${alert}.md`,
    });
  });

  it('have one runbook each, listed with its severity', () => {
    const pages = readdirSync(RUNBOOKS).filter((name) => name !== 'README.md');
    expect(pages.sort()).toEqual(alertNames.map((name) => `${name}.md`));
    const index = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8');
    const rows = alertNames.map((name) => {
      const severities = alerts.filter(({ alert }) => alert === name).map(({ labels }) => labels?.['severity']);
      return `| [${name}](${name}.md) | ${severities.join(', ')} |`;
    });
    expect(rows.filter((row) => !index.includes(row))).toEqual([]);
  });
});

describe('runbooks', () => {
  it('query only metrics that exist', () => {
    const queries = readdirSync(RUNBOOKS).flatMap((name) => {
      const page = readFileSync(join(RUNBOOKS, name), 'utf8');
      return [...page.matchAll(/```promql\n(.+?)\n```/gs)].flatMap(([, lines = '']) => lines.split('\n'));
    });
    const read = queries.flatMap(listMetrics);
    expect(read.length).toBeGreaterThan(alertNames.length);
    expect(findUnknown(read)).toEqual([]);
  });

  it('quote only log messages that docs/logs.md lists', () => {
    const logs = readFileSync(join(ROOT, '../docs/logs.md'), 'utf8');
    const quoted = readdirSync(RUNBOOKS).flatMap((name) => {
      const lines = readFileSync(join(RUNBOOKS, name), 'utf8').match(/^Logs: .*$/gm) ?? [];
      return lines.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message));
    });
    expect(quoted.length).toBeGreaterThan(5);
    expect(quoted.filter((message) => !logs.includes(`| \`${message}\` |`))).toEqual([]);
  });

  it('link only to pages that exist', () => {
    const links = readdirSync(RUNBOOKS).flatMap((name) =>
      [...readFileSync(join(RUNBOOKS, name), 'utf8').matchAll(/\]\(([^)#:]+)/g)].map(([, to = '']) => to),
    );
    expect(links.length).toBeGreaterThan(alertNames.length);
    expect(links.filter((to) => !existsSync(join(RUNBOOKS, to)))).toEqual([]);
  });
});

describeWith(['promtool'], 'promtool', () => {
  it('accepts prometheus.yml', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatchObject({ status: 0 });
  });

  it('accepts the rules', () => {
    const files = globSync('rules/*.yml', { cwd: ROOT });
    expect(promtool(['check', 'rules', '--lint=all', '--lint-fatal', ...files])).toMatchObject({ status: 0 });
  });

  it.each(globSync('test/*.yml', { cwd: ROOT }))('passes the cases of %s', (file) => {
    expect(promtool(['test', 'rules', file])).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') });
  });

  it('accepts the metrics of a farmer and a mock node', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const farmer = await farm.startFarmer(node.url);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    const nodeMetrics = await (await fetch(`${node.url}/metrics`)).text();
    expect(promtool(['check', 'metrics'], await farmer.metrics())).toEqual({ status: 0, output: '' });
    expect(promtool(['check', 'metrics'], nodeMetrics)).toEqual({ status: 0, output: '' });
  });
});
