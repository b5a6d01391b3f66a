import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, MetricSet } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { FARMER_METRICS } from '../../farmer/src/metrics/catalogue.ts';
import { MOCK_METRICS } from '../../mock-node/src/metrics.ts';
import { DASHBOARDS, interpolate, listQueries } from './dashboard-file.ts';

/** Label values, or `null` if they are known only at run time. */
type Labels = Readonly<Record<string, readonly string[] | null>>;

/** Prometheus adds these labels to every series; `namespace` only in Kubernetes. */
const TARGET: Labels = { namespace: null, job: null, instance: null };

/** Labels of prom-client's default metrics. */
const PROCESS_LABELS: Readonly<Record<string, Labels>> = {
  nodejs_gc_duration_seconds: { kind: null },
  nodejs_heap_space_size_used_bytes: { space: null },
};

/** Declared metrics that no dashboard needs, and why. */
const NOT_SHOWN: Readonly<Record<string, string>> = {
  farmer_empty_challenges_total: 'either all challenges of a chunk size or none',
  process_cpu_user_seconds_total: 'part of process_cpu_seconds_total',
  process_cpu_system_seconds_total: 'part of process_cpu_seconds_total',
  process_virtual_memory_bytes: 'address space, not memory in use',
  process_heap_bytes: 'part of resident memory',
  nodejs_eventloop_lag_max_seconds: 'a single outlier: the alert uses p99',
  nodejs_eventloop_lag_p90_seconds: 'between p50 and p99',
  nodejs_heap_size_total_bytes: 'reserved, not in use',
  nodejs_heap_space_size_total_bytes: 'for a heap profile, not for an operator',
  nodejs_heap_space_size_used_bytes: 'for a heap profile, not for an operator',
  nodejs_heap_space_size_available_bytes: 'for a heap profile, not for an operator',
  nodejs_version_info: 'farmer_build_info and mock_node_build_info include it',
};

/** Every series that queries may use, with its labels. */
function collectSeries(): Map<string, Labels> {
  const series = new Map<string, Labels>([
    ['up', TARGET],
    ['ALERTS', { ...TARGET, alertname: null, alertstate: ['pending', 'firing'], severity: null }],
  ]);
  for (const catalogue of [FARMER_METRICS, MOCK_METRICS] as readonly Catalogue[]) {
    for (const { name, type, labels = {} } of Object.values(catalogue)) {
      for (const [suffix, extraLabels] of type === 'histogram' ? HISTOGRAM : PLAIN) {
        series.set(name + suffix, { ...TARGET, ...labels, ...extraLabels });
      }
    }
  }
  for (const name of listProcessMetrics()) {
    const labels = { ...TARGET, ...PROCESS_LABELS[name] };
    for (const [suffix] of name === 'nodejs_gc_duration_seconds' ? HISTOGRAM : PLAIN) series.set(name + suffix, labels);
  }
  for (const name of listRecordingRules()) series.set(name, { ...TARGET, le: null });
  return series;
}

const PLAIN = [['', {}]] as const;
const HISTOGRAM = [
  ['_bucket', { le: null }],
  ['_sum', {}],
  ['_count', {}],
] as const;

/** Process metrics, which both services have besides those that they declare. */
function listProcessMetrics(): string[] {
  return new MetricSet({}, { onError: () => undefined }).names;
}

/** Names of the recording rules. */
function listRecordingRules(): string[] {
  const folder = join(import.meta.dirname, '../../prometheus/rules');
  return readdirSync(folder).flatMap((name) => {
    const { groups = [] } = parse(readFileSync(join(folder, name), 'utf8')) as {
      groups?: { rules: { record?: string }[] }[];
    };
    return groups.flatMap(({ rules }) => rules.flatMap(({ record }) => record ?? []));
  });
}

interface Selector {
  readonly where: string;
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
}

interface ParsedQuery {
  readonly errors: number;
  readonly selectors: readonly Selector[];
  /** Labels in `by` and `on`. */
  readonly groupingLabels: readonly string[];
}

function parseQuery(where: string, expr: string): ParsedQuery {
  const selectors: { where: string; metric: string; matchers: { label: string; value: string }[] }[] = [];
  const groupingLabels: string[] = [];
  let errors = 0;
  const text = (node: SyntaxNodeRef) => expr.slice(node.from, node.to);
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) errors += 1;
      if (node.name === 'VectorSelector') selectors.push({ where, metric: '', matchers: [] });
      const last = selectors.at(-1);
      if (node.name === 'Identifier' && last) last.metric = text(node);
      if (node.name === 'UnquotedLabelMatcher' && last) {
        const [, label = '', value = ''] = /^(\w+)(?:=~|!~|!=|=)"(.*)"$/.exec(text(node)) ?? [];
        last.matchers.push({ label, value });
      }
      if (node.name === 'LabelName' && node.node.parent?.name === 'GroupingLabels') groupingLabels.push(text(node));
    },
  });
  return { errors, selectors, groupingLabels };
}

const KNOWN = collectSeries();
const QUERIES = DASHBOARDS.flatMap(listQueries).map(({ dashboard, where, expr }) => {
  const plain = interpolate(expr, { job: '.+', stepSeconds: 15, rateInterval: '1m', range: '1h' });
  return { name: `${dashboard}: ${where}`, ...parseQuery(`${dashboard}: ${where}`, plain) };
});
const SELECTORS = QUERIES.flatMap(({ selectors }) => selectors);

describe('dashboard queries', () => {
  it('are valid PromQL', () => {
    expect(
      QUERIES.filter(({ errors, selectors }) => errors > 0 || selectors.length === 0).map(({ name }) => name),
    ).toEqual([]);
  });

  it('use only metrics that the code declares', () => {
    expect(
      SELECTORS.filter(({ metric }) => !KNOWN.has(metric)).map(({ where, metric }) => `${where}: ${metric}`),
    ).toEqual([]);
  });

  it('select only by labels and values that these metrics have', () => {
    const wrong = SELECTORS.flatMap(({ where, metric, matchers }) =>
      matchers
        .filter(({ label, value }) => !hasValues(KNOWN.get(metric)?.[label], value))
        .map(({ label, value }) => `${where}: ${metric}{${label}: ${value}}`),
    );
    expect(wrong).toEqual([]);
  });

  it('group only by labels that these metrics have', () => {
    const wrong = QUERIES.flatMap(({ name, selectors, groupingLabels }) =>
      groupingLabels
        .filter((label) => !selectors.some(({ metric }) => Object.hasOwn(KNOWN.get(metric) ?? {}, label)))
        .map((label) => `${name}: by ${label}`),
    );
    expect(wrong).toEqual([]);
  });

  it('cover every declared metric, except those listed in NOT_SHOWN', () => {
    const shown = new Set(SELECTORS.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, '')));
    const declared = [
      ...Object.values(FARMER_METRICS).map(({ name }) => name),
      ...Object.values(MOCK_METRICS).map(({ name }) => name),
      ...listProcessMetrics(),
    ];
    expect(declared.filter((name) => !shown.has(name)).sort()).toEqual(Object.keys(NOT_SHOWN).sort());
  });
});

/** @param values of a label; `undefined`: no such label, `null`: known only at run time */
function hasValues(values: readonly string[] | null | undefined, wanted: string): boolean {
  if (values === undefined) return false;
  return values === null || wanted.split('|').every((value) => values.includes(value));
}
