import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, MetricSet } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { FARMER_METRICS } from '../../farmer/src/metrics/catalogue.ts';
import { MOCK_METRICS } from '../../mock-node/src/metrics.ts';
import { DASHBOARDS, listQueries, replaced } from './dashboard-file.ts';

/** Label values; `null` for those that only a run knows. */
type Labels = Readonly<Record<string, readonly string[] | null>>;

/** What Prometheus itself puts on every series. */
const TARGET: Labels = { job: null, instance: null };

/** Labels that prom-client's own metrics have. */
const PROCESS_LABELS: Readonly<Record<string, Labels>> = {
  nodejs_gc_duration_seconds: { kind: null },
  nodejs_heap_space_size_used_bytes: { space: null },
};

/** Declared, and on no dashboard, on purpose. */
const NOT_SHOWN: Readonly<Record<string, string>> = {
  process_cpu_user_seconds_total: 'a part of process_cpu_seconds_total',
  process_cpu_system_seconds_total: 'a part of process_cpu_seconds_total',
  process_virtual_memory_bytes: 'address space: says nothing about memory in use',
  process_heap_bytes: "the C library's view of memory that is shown as resident",
  nodejs_eventloop_lag_seconds: 'one sample at the scrape: the quantiles tell more',
  nodejs_eventloop_lag_min_seconds: 'the quantiles tell more',
  nodejs_eventloop_lag_max_seconds: 'one outlier: the 99 % quantile is what an alert is on',
  nodejs_eventloop_lag_mean_seconds: 'the quantiles tell more',
  nodejs_eventloop_lag_stddev_seconds: 'the quantiles tell more',
  nodejs_eventloop_lag_p90_seconds: 'between two quantiles that are shown',
  nodejs_heap_size_total_bytes: 'reserved, not used',
  nodejs_heap_space_size_total_bytes: 'for a heap profile, not for an operator',
  nodejs_heap_space_size_used_bytes: 'for a heap profile, not for an operator',
  nodejs_heap_space_size_available_bytes: 'for a heap profile, not for an operator',
  nodejs_version_info: 'farmer_build_info and mock_node_build_info have the version of Node.js too',
};

/** Every series that queries may ask for, with its labels. */
function series(): Map<string, Labels> {
  const found = new Map<string, Labels>([
    ['up', TARGET],
    ['ALERTS', { ...TARGET, alertname: null, alertstate: ['pending', 'firing'], severity: null }],
  ]);
  for (const catalogue of [FARMER_METRICS, MOCK_METRICS] as readonly Catalogue[]) {
    for (const { name, type, labels = {} } of Object.values(catalogue)) {
      for (const [suffix, more] of type === 'histogram' ? HISTOGRAM : PLAIN) {
        found.set(name + suffix, { ...TARGET, ...labels, ...more });
      }
    }
  }
  for (const name of processMetrics()) {
    const labels = { ...TARGET, ...PROCESS_LABELS[name] };
    for (const [suffix] of name === 'nodejs_gc_duration_seconds' ? HISTOGRAM : PLAIN) found.set(name + suffix, labels);
  }
  for (const name of recordedNames()) found.set(name, { ...TARGET, le: null });
  return found;
}

const PLAIN = [['', {}]] as const;
const HISTOGRAM = [
  ['_bucket', { le: null }],
  ['_sum', {}],
  ['_count', {}],
] as const;

/** The metrics that both services have beside those that they declare. */
function processMetrics(): string[] {
  return new MetricSet({}, { onError: () => undefined }).names;
}

/** The names of the recording rules. */
function recordedNames(): string[] {
  const folder = join(import.meta.dirname, '../../prometheus/rules');
  return readdirSync(folder).flatMap((name) => {
    const { groups = [] } = parse(readFileSync(join(folder, name), 'utf8')) as {
      groups?: { rules: { record?: string }[] }[];
    };
    return groups.flatMap(({ rules }) => rules.flatMap(({ record }) => record ?? []));
  });
}

interface Asked {
  readonly where: string;
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
}

interface Parsed {
  readonly errors: number;
  readonly asked: readonly Asked[];
  /** Labels that the query groups or joins by. */
  readonly grouping: readonly string[];
}

function parsed(where: string, expr: string): Parsed {
  const asked: { where: string; metric: string; matchers: { label: string; value: string }[] }[] = [];
  const grouping: string[] = [];
  let errors = 0;
  const text = (node: SyntaxNodeRef) => expr.slice(node.from, node.to);
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) errors += 1;
      if (node.name === 'VectorSelector') asked.push({ where, metric: '', matchers: [] });
      const last = asked.at(-1);
      if (node.name === 'Identifier' && last) last.metric = text(node);
      if (node.name === 'UnquotedLabelMatcher' && last) {
        const [, label = '', value = ''] = /^(\w+)(?:=~|!~|!=|=)"(.*)"$/.exec(text(node)) ?? [];
        last.matchers.push({ label, value });
      }
      if (node.name === 'LabelName' && node.node.parent?.name === 'GroupingLabels') grouping.push(text(node));
    },
  });
  return { errors, asked, grouping };
}

const KNOWN = series();
const QUERIES = DASHBOARDS.flatMap(listQueries).map(({ dashboard, where, expr }) => {
  const plain = replaced(expr, { job: '.+', stepSeconds: 15, rateInterval: '1m', range: '1h' });
  return { name: `${dashboard}: ${where}`, ...parsed(`${dashboard}: ${where}`, plain) };
});
const ASKED = QUERIES.flatMap(({ asked }) => asked);

describe('the queries of the dashboards', () => {
  it('are PromQL', () => {
    expect(QUERIES.filter(({ errors, asked }) => errors > 0 || asked.length === 0).map(({ name }) => name)).toEqual([]);
  });

  it('ask only for metrics that the code declares', () => {
    expect(ASKED.filter(({ metric }) => !KNOWN.has(metric)).map(({ where, metric }) => `${where}: ${metric}`)).toEqual(
      [],
    );
  });

  it('choose only by labels and values that these metrics have', () => {
    const wrong = ASKED.flatMap(({ where, metric, matchers }) =>
      matchers
        .filter(({ label, value }) => !has(KNOWN.get(metric)?.[label], value))
        .map(({ label, value }) => `${where}: ${metric}{${label}: ${value}}`),
    );
    expect(wrong).toEqual([]);
  });

  it('group only by labels that these metrics have', () => {
    const wrong = QUERIES.flatMap(({ name, asked, grouping }) =>
      grouping
        .filter((label) => !asked.some(({ metric }) => Object.hasOwn(KNOWN.get(metric) ?? {}, label)))
        .map((label) => `${name}: by ${label}`),
    );
    expect(wrong).toEqual([]);
  });

  it('leave out no metric that is declared, but those that are left out on purpose', () => {
    const shown = new Set(ASKED.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, '')));
    const declared = [
      ...Object.values(FARMER_METRICS).map(({ name }) => name),
      ...Object.values(MOCK_METRICS).map(({ name }) => name),
      ...processMetrics(),
    ];
    expect(declared.filter((name) => !shown.has(name)).sort()).toEqual(Object.keys(NOT_SHOWN).sort());
  });
});

/** @param values a label's: `undefined` without such a label, `null` when only a run knows them */
function has(values: readonly string[] | null | undefined, asked: string): boolean {
  if (values === undefined) return false;
  return values === null || asked.split('|').every((value) => values.includes(value));
}
