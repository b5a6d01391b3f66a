import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { type Column, graph, stat, table, timeline } from './panels.ts';
import { chosen, diskState, headroom, increaseOverRange, increasePerStep, passRate, quantile, rate } from './promql.ts';
import {
  alertTable,
  DISK_STATES,
  firingAlerts,
  HEADROOM_COLORS,
  PASS_RATE_COLORS,
  storageStat,
} from './shared-panels.ts';

const SLACK = 'farmer_challenge_slack_seconds_bucket';
const UP = { '0': { text: 'down', color: 'red' }, '1': { text: 'up', color: 'green' } };
const BY = 'by (job, instance)';
const TO_FARMER = {
  title: 'This farmer',
  url: `/d/downstream-farmer?var-instance=\${__field.labels.instance}&\${datasource:queryparam}&\${__url_time_range}`,
};
const ROW_TO_FARMER = {
  title: 'This farmer',
  url: `/d/downstream-farmer?var-instance=\${__value.text}&\${datasource:queryparam}&\${__url_time_range}`,
};

const totals: Panel[] = [
  stat({
    title: 'Up',
    asks: 'How many farmers run and can be reached?',
    normal: 'Normal: all.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    queries: [{ expr: `sum(${chosen('up')})`, legend: 'up' }],
  }),
  stat({
    title: 'Down',
    asks: 'How many farmers does Prometheus not reach?',
    normal: 'Normal: 0.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    colors: ['green', [1, 'red']],
    runbooks: ['FarmerDown', 'FarmerAbsent'],
    queries: [{ expr: `count(${chosen('up')} == 0) or vector(0)`, legend: 'down' }],
  }),
  stat({
    title: 'Passed on time',
    asks: 'Is the fleet passing? The share over all farmers and all the time shown.',
    normal: 'Normal: 99.9 % or more. Red below 98.5 %.',
    unit: 'percentunit',
    decimals: 2,
    size: [3, 4],
    colors: PASS_RATE_COLORS,
    nothing: 'none yet',
    runbooks: ['FarmerErrorBudgetBurnFast'],
    queries: [{ expr: passRate(increaseOverRange), legend: 'passed' }],
  }),
  stat({
    title: 'Contracts',
    asks: 'How many contracts does the fleet hold?',
    normal: 'Normal: steady, or growing.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    queries: [{ expr: `sum(${chosen('farmer_contracts')})`, legend: 'contracts' }],
  }),
  storageStat([3, 4]),
  firingAlerts([3, 4]),
  alertTable([6, 4]),
];

const columns: Column[] = [
  { field: 'instance', title: 'Farmer', link: ROW_TO_FARMER },
  { field: 'Value #A', title: 'State', names: UP },
  { field: 'version', title: 'Version' },
  { field: 'Value #C', title: 'Contracts', unit: 'short', decimals: 0 },
  {
    field: 'Value #D',
    title: 'Passed on time',
    unit: 'percentunit',
    decimals: 2,
    colors: PASS_RATE_COLORS,
    nothing: 'none yet',
  },
  { field: 'Value #E', title: 'Failures', unit: 'short', decimals: 0, colors: ['text', [1, 'orange']] },
  { field: 'Value #F', title: 'Slack, slowest 5 %', unit: 's', decimals: 0, nothing: 'none yet' },
  {
    field: 'Value #G',
    title: 'Headroom',
    unit: 'percentunit',
    decimals: 0,
    colors: HEADROOM_COLORS,
    nothing: 'none yet',
  },
  { field: 'Value #J', title: 'Worst disk', names: DISK_STATES },
  { field: 'Value #H', title: 'Least free on a disk', unit: 'bytes', decimals: 1 },
  { field: 'Value #I', title: 'Last pass, ago', unit: 's', decimals: 0, nothing: 'none yet' },
];

const slackByFarmer = quantile(0.05, increaseOverRange(SLACK), ['job', 'instance']);

const farmers: Panel[] = [
  table({
    title: 'Farmers, worst first',
    asks: 'Which farmer needs a look? A click on one opens its dashboard.',
    normal: 'Normal: all up, 100 % passed, headroom above half, disks ok.',
    unit: 'none',
    size: [24, 10],
    columns,
    lowestFirst: ['State', 'Passed on time'],
    queries: [
      { expr: `min ${BY} (${chosen('up')})`, legend: 'up' },
      { expr: `count by (job, instance, version) (${chosen('farmer_build_info')})`, legend: 'version' },
      { expr: `sum ${BY} (${chosen('farmer_contracts')})`, legend: 'contracts' },
      { expr: passRate(increaseOverRange, ['job', 'instance']), legend: 'on time' },
      { expr: `round(sum ${BY} (${increaseOverRange('farmer_challenges_failed_total')}))`, legend: 'failures' },
      { expr: slackByFarmer, legend: 'slack' },
      {
        expr: `min ${BY} (${headroom(increaseOverRange)})`,
        legend: 'headroom',
      },
      { expr: `min ${BY} (${chosen('farmer_disk_free_bytes')})`, legend: 'disk' },
      {
        expr: `time() - max ${BY} (${chosen('farmer_last_passed_timestamp_seconds')} > 0)`,
        legend: 'last pass',
      },
      { expr: `max ${BY} (${diskState()})`, legend: 'worst disk' },
    ],
  }),
];

const overTime: Panel[] = [
  timeline({
    title: 'Up and down',
    asks: 'Which farmers were down, and since when?',
    normal: 'Normal: green without gaps.',
    unit: 'none',
    size: [12, 8],
    names: UP,
    runbooks: ['FarmerDown'],
    queries: [{ expr: `min by (instance) (${chosen('up')})`, legend: '{{instance}}' }],
  }),
  graph({
    title: 'Failures by farmer',
    asks: 'Is it one farmer that fails, or all of them (then look at the node)?',
    normal: 'Normal: none.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    as: 'bars',
    step: '1m',
    link: TO_FARMER,
    runbooks: ['FarmerErrorBudgetBurnFast'],
    queries: [
      {
        expr: increasePerStep('farmer_challenges_failed_total', { by: ['instance'] }),
        legend: '{{instance}}',
      },
    ],
  }),
  graph({
    title: 'Headroom by farmer',
    asks: 'Who runs near to the deadline? What was left of the interval for the slowest twentieth of the answers, at the node where it was least.',
    normal: 'Normal: above 50 %.',
    unit: 'percentunit',
    max: 1,
    size: [12, 8],
    step: '2m',
    link: TO_FARMER,
    runbooks: ['FarmerHeadroomLow'],
    queries: [
      {
        expr: `min by (instance) (${headroom(rate)})`,
        legend: '{{instance}}',
      },
    ],
  }),
  graph({
    title: 'Versions',
    asks: 'Which versions run in the fleet, and how far is an update?',
    normal: 'Normal: one, or two during an update.',
    unit: 'short',
    min: 0,
    decimals: 0,
    size: [12, 8],
    as: 'area',
    queries: [{ expr: `count by (version) (${chosen('farmer_build_info')})`, legend: '{{version}}' }],
  }),
  graph({
    title: 'Contracts by farmer',
    asks: 'Who gains contracts, and who loses them?',
    normal: 'Normal: steady, or growing.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    link: TO_FARMER,
    runbooks: ['FarmerContractsLost'],
    queries: [{ expr: `sum by (instance) (${chosen('farmer_contracts')})`, legend: '{{instance}}' }],
  }),
  graph({
    title: 'Requests to the node that failed, by farmer',
    asks: 'Who does not reach the node?',
    normal: 'Normal: none.',
    unit: 'reqps',
    min: 0,
    size: [12, 8],
    link: TO_FARMER,
    runbooks: ['FarmerNodeUnreachable'],
    queries: [
      {
        expr: `sum by (instance) (${rate('farmer_node_requests_total', 'outcome!="ok"')})`,
        legend: '{{instance}}',
      },
    ],
  }),
];

/** Many farmers: which one needs a look? */
export function fleetDashboard(): Dashboard {
  return dashboard({
    uid: 'downstream-fleet',
    title: 'Fleet',
    description: 'Many farmers: how they do together, and which of them needs a look.',
    buildInfo: 'farmer_build_info',
    rows: [
      { title: 'Together', panels: totals },
      { title: 'Each', panels: farmers },
      { title: 'Over time', panels: overTime },
    ],
  });
}
