import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { type Column, graph, stat, table, timeline, type ValueNames } from './panels.ts';
import {
  diskState,
  headroom,
  INSTANCE,
  increaseOverRange,
  increasePerStep,
  passRate,
  quantile,
  rate,
  select,
  TARGET,
} from './promql.ts';
import {
  alertTable,
  contractsStat,
  DISK_STATES,
  firingAlertsStat,
  HEADROOM_COLORS,
  PASS_RATE_COLORS,
  storageStat,
} from './shared-panels.ts';

const UP: ValueNames = { '0': { text: 'down', color: 'red' }, '1': { text: 'up', color: 'green' } };
const BY = `by (${TARGET.join(', ')})`;

const toFarmer = (namespace: string, instance: string) => ({
  title: 'This farmer',
  url: `/d/downstream-farmer?var-namespace=${namespace}&var-instance=${instance}&\${datasource:queryparam}&\${__url_time_range}`,
});
const SERIES_LINK = toFarmer(`\${__field.labels.selection}`, `\${__field.labels.instance}`);

/** Adds what a link selects as the namespace: all of them outside of Kubernetes, where none exists. */
function withSelection(expr: string): string {
  return `label_replace(label_replace(${expr}, "selection", ".*", "namespace", ".*"), "selection", "$1", "namespace", "(.+)")`;
}

const overview: Panel[] = [
  stat({
    title: 'Up',
    question: 'How many farmers does Prometheus scrape?',
    normal: 'all.',
    queries: [{ expr: `sum(${select('up')})`, legend: 'up' }],
  }),
  stat({
    title: 'Down',
    question: 'How many farmers can Prometheus not scrape?',
    normal: '0.',
    colors: ['green', [1, 'red']],
    runbooks: ['FarmerDown', 'FarmerAbsent'],
    queries: [{ expr: `count(${select('up')} == 0) or vector(0)`, legend: 'down' }],
  }),
  stat({
    title: 'Pass rate',
    question: 'What share of the challenges in the time range passed, over all farmers?',
    normal: '99.9 % or more. Red below 98.56 %.',
    unit: 'percentunit',
    decimals: 2,
    colors: PASS_RATE_COLORS,
    noValue: 'none yet',
    runbooks: ['FarmerErrorBudgetBurnFast'],
    queries: [{ expr: passRate(increaseOverRange), legend: 'passed' }],
  }),
  contractsStat(),
  storageStat(),
  firingAlertsStat(),
  alertTable([6, 4]),
];

const columns: Column[] = [
  { field: 'namespace', title: 'Namespace' },
  { field: 'selection', title: 'Selection', hidden: true },
  { field: 'instance', title: 'Farmer', link: toFarmer(`\${__data.fields.Selection}`, `\${__value.text}`) },
  { field: 'Value #A', title: 'State', valueNames: UP },
  { field: 'version', title: 'Version' },
  { field: 'commit', title: 'Commit' },
  { field: 'Value #C', title: 'Contracts', unit: 'short', decimals: 0 },
  {
    field: 'Value #D',
    title: 'Pass rate',
    unit: 'percentunit',
    decimals: 2,
    colors: PASS_RATE_COLORS,
    noValue: 'none yet',
  },
  { field: 'Value #E', title: 'Failed challenges', unit: 'short', decimals: 0, colors: ['text', [1, 'orange']] },
  { field: 'Value #F', title: 'Slack, slowest 5 %', unit: 's', decimals: 0, noValue: 'none yet' },
  {
    field: 'Value #G',
    title: 'Headroom',
    unit: 'percentunit',
    decimals: 0,
    colors: HEADROOM_COLORS,
    noValue: 'none yet',
  },
  { field: 'Value #J', title: 'Worst disk', valueNames: DISK_STATES },
  { field: 'Value #H', title: 'Least free disk space', unit: 'bytes', decimals: 1 },
  { field: 'Value #I', title: 'Last pass, ago', unit: 's', decimals: 0, noValue: 'none yet' },
];

const farmers: Panel[] = [
  table({
    title: 'Farmers, worst first',
    question: 'Which farmer needs attention? Click one to open its dashboard.',
    normal: 'all up, pass rate 100 %, headroom above 50 %, disks ok.',
    size: [24, 10],
    columns,
    lowestFirst: ['State', 'Pass rate'],
    queries: [
      { expr: withSelection(`min ${BY} (${select('up')})`), legend: 'up' },
      { expr: `count by (${TARGET.join(', ')}, version, commit) (${select('farmer_build_info')})`, legend: 'version' },
      { expr: `sum ${BY} (${select('farmer_contracts')})`, legend: 'contracts' },
      { expr: passRate(increaseOverRange, TARGET), legend: 'pass rate' },
      { expr: `round(sum ${BY} (${increaseOverRange('farmer_challenges_failed_total')}))`, legend: 'failed' },
      {
        expr: quantile(0.05, increaseOverRange('farmer_challenge_slack_seconds_bucket'), TARGET),
        legend: 'slack',
      },
      { expr: `min ${BY} (${headroom(increaseOverRange)})`, legend: 'headroom' },
      { expr: `min ${BY} (${select('farmer_disk_free_bytes')})`, legend: 'free' },
      { expr: `time() - max ${BY} (${select('farmer_last_passed_timestamp_seconds')} > 0)`, legend: 'last pass' },
      { expr: `max ${BY} (${diskState()})`, legend: 'worst disk' },
    ],
  }),
];

const overTime: Panel[] = [
  timeline({
    title: 'Farmers up and down',
    question: 'When was each farmer down?',
    normal: 'up without gaps.',
    size: [12, 8],
    valueNames: UP,
    runbooks: ['FarmerDown'],
    queries: [{ expr: `min by (namespace, instance) (${select('up')})`, legend: INSTANCE }],
  }),
  graph({
    title: 'Failed challenges by farmer',
    question: 'Which farmers fail challenges?',
    normal: 'none. If all farmers fail, check the node.',
    as: 'bars',
    link: SERIES_LINK,
    runbooks: ['FarmerErrorBudgetBurnFast'],
    queries: [
      {
        expr: withSelection(increasePerStep('farmer_challenges_failed_total', { by: ['namespace', 'instance'] })),
        legend: INSTANCE,
      },
    ],
  }),
  graph({
    title: 'Headroom by farmer',
    question: 'Which farmer answers close to the deadline? Share of the interval left for the slowest 5 % of answers.',
    normal: 'above 50 %. Shows the worst node of each farmer.',
    unit: 'percentunit',
    max: 1,
    signed: true,
    step: '2m',
    link: SERIES_LINK,
    runbooks: ['FarmerHeadroomLow'],
    queries: [{ expr: withSelection(`min by (namespace, instance) (${headroom(rate)})`), legend: INSTANCE }],
  }),
  graph({
    title: 'Versions',
    question: 'Which versions and commits run, and how far has an update progressed?',
    normal: 'one, or two during an update.',
    decimals: 0,
    as: 'area',
    queries: [
      { expr: `count by (version, commit) (${select('farmer_build_info')})`, legend: '{{version}} ({{commit}})' },
    ],
  }),
  graph({
    title: 'Contracts by farmer',
    question: 'Which farmers gain or lose contracts?',
    normal: 'steady, or growing.',
    link: SERIES_LINK,
    runbooks: ['FarmerContractsLost'],
    queries: [
      { expr: withSelection(`sum by (namespace, instance) (${select('farmer_contracts')})`), legend: INSTANCE },
    ],
  }),
  graph({
    title: 'Failed requests to nodes by farmer',
    question: 'Which farmers cannot reach their nodes?',
    normal: 'none.',
    unit: 'reqps',
    link: SERIES_LINK,
    runbooks: ['FarmerNodeUnreachable'],
    queries: [
      {
        expr: withSelection(`sum by (namespace, instance) (${rate('farmer_node_requests_total', 'outcome!="ok"')})`),
        legend: INSTANCE,
      },
    ],
  }),
];

/** Many farmers: which one needs attention? */
export function fleetDashboard(): Dashboard {
  return dashboard({
    uid: 'downstream-fleet',
    title: 'Fleet',
    description: 'All farmers: their overall pass rate, and which one needs attention.',
    buildInfo: 'farmer_build_info',
    rows: [
      { title: 'Overview', panels: overview },
      { title: 'Farmers', panels: farmers },
      { title: 'Over time', panels: overTime },
    ],
  });
}
