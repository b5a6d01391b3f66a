import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { graph, stat } from './panels.ts';
import { increaseOverRange, increasePerStep, quantile, rate, select } from './promql.ts';
import { PASS_RATE_COLORS, processPanels, uptimeStat, versionStat } from './shared-panels.ts';

const RESULT_COLORS = { passed: 'green', wrong: 'red', unanswered: 'orange' };
const STATE_COLORS = { due: 'orange', settled: 'green' };
const REASON_COLORS = {
  failed: 'red',
  removed: 'blue',
  expired: 'orange',
  forgotten: 'purple',
  replaced: 'yellow',
  completed: 'green',
};
const REJECTION_COLORS = {
  invalid: 'red',
  corrupted: 'dark-red',
  expired: 'orange',
  answered: 'yellow',
  not_found: 'purple',
};
const DURATION_BUCKETS = 'mock_node_request_duration_seconds_bucket';
const PASSED = increaseOverRange('mock_node_challenges_total', 'result="passed"');
const size = [12, 8] as const;

const overview: Panel[] = [
  stat({
    title: 'Farmers',
    question: 'How many farmers are registered?',
    normal: 'those that you started, including earlier runs.',
    queries: [{ expr: `sum(${select('mock_node_farmers')})`, legend: 'farmers' }],
  }),
  stat({
    title: 'Contracts',
    question: 'How many contracts are active?',
    normal: 'as many as all farmers hold.',
    queries: [{ expr: `sum(${select('mock_node_contracts')})`, legend: 'contracts' }],
  }),
  stat({
    title: 'Pass rate',
    question: 'What share of the challenges in the time range passed?',
    normal: '100 % while every farmer runs.',
    unit: 'percentunit',
    decimals: 1,
    size: [4, 4],
    colors: PASS_RATE_COLORS,
    noValue: 'none yet',
    queries: [{ expr: `sum(${PASSED}) / sum(${increaseOverRange('mock_node_challenges_total')})`, legend: 'passed' }],
  }),
  stat({
    title: 'Server errors',
    question: 'How many requests failed with status 500 in the time range?',
    normal: '0, unless a fault returns 500.',
    size: [4, 4],
    colors: ['green', [1, 'red']],
    queries: [
      {
        expr: `round(sum(${increaseOverRange('mock_node_requests_total', 'code="500"')})) or vector(0)`,
        legend: 'errors',
      },
    ],
  }),
  stat({
    title: 'Applied faults',
    question: 'How many requests did faults affect in the time range?',
    normal: '0 until you enable a fault.',
    size: [4, 4],
    queries: [
      { expr: `round(sum(${increaseOverRange('mock_node_faults_applied_total')})) or vector(0)`, legend: 'faults' },
    ],
  }),
  uptimeStat(),
  versionStat('mock_node_build_info'),
];

const challenges: Panel[] = [
  graph({
    title: 'Challenges by result',
    question: 'Do farmers pass, answer wrong, or not answer?',
    normal: 'all passed.',
    size,
    as: 'bars',
    palette: RESULT_COLORS,
    queries: [{ expr: increasePerStep('mock_node_challenges_total', { by: ['result'] }), legend: '{{result}}' }],
  }),
  graph({
    title: 'Contracts by state',
    question: 'How many contracts are active, and how many have an open challenge?',
    normal: 'level, and mostly `settled`. Contracts that are not proved end.',
    size,
    as: 'area',
    palette: STATE_COLORS,
    queries: [{ expr: `sum by (state) (${select('mock_node_contracts')})`, legend: '{{state}}' }],
  }),
  graph({
    title: 'Ended contracts by reason',
    question: 'Why do contracts end?',
    normal:
      'none. `failed`: too many failed challenges. `removed`: by the farmer. `replaced`: by a contract for the same chunk. `expired` and `forgotten`: by a fault or the control API. `completed`: no challenges are left.',
    size,
    as: 'bars',
    palette: REASON_COLORS,
    queries: [{ expr: increasePerStep('mock_node_contracts_ended_total', { by: ['reason'] }), legend: '{{reason}}' }],
  }),
  graph({
    title: 'Rejected proofs by reason',
    question: 'Does the node reject proofs of the v1 API?',
    normal:
      'none. `invalid`: wrong. `corrupted`: not of the scheme. `answered`: sent again, usually because a response was lost. `expired` and `not_found`: of a contract that has ended.',
    size,
    as: 'bars',
    palette: REJECTION_COLORS,
    queries: [{ expr: increasePerStep('mock_node_proofs_rejected_total', { by: ['reason'] }), legend: '{{reason}}' }],
  }),
];

const faults: Panel[] = [
  graph({
    title: 'Applied faults by name',
    question: 'How often is each fault applied?',
    normal: 'as often as configured, or none.',
    size: [24, 8],
    as: 'bars',
    queries: [{ expr: increasePerStep('mock_node_faults_applied_total', { by: ['name'] }), legend: '{{name}}' }],
  }),
];

const requests: Panel[] = [
  graph({
    title: 'Requests by route',
    question: 'Which requests do farmers send?',
    normal:
      '`due` ten times per interval and farmer, `challenge` once per interval and contract, `chunk` while farmers accept contracts.',
    unit: 'reqps',
    size,
    queries: [{ expr: `sum by (route) (${rate('mock_node_requests_total')})`, legend: '{{route}}' }],
  }),
  graph({
    title: 'Requests by status',
    question: 'Which HTTP statuses do farmers receive?',
    normal:
      '200, also for unknown tokens and hashes. Faults cause other statuses; `none`: a fault withheld the response. Other 500s are bugs of the mock node.',
    unit: 'reqps',
    size,
    as: 'area',
    queries: [{ expr: `sum by (code) (${rate('mock_node_requests_total')})`, legend: '{{code}}' }],
  }),
  graph({
    title: 'Response time by route, p95',
    question: 'Which route is slow?',
    normal: 'milliseconds. Issuing a contract takes longer, because its chunk is hashed.',
    unit: 's',
    size,
    queries: [{ expr: `${quantile(0.95, rate(DURATION_BUCKETS), ['route'])} >= 0`, legend: '{{route}}' }],
  }),
];

/** The mock node: what farmers request from it, and whether they pass. */
export function mockNodeDashboard(): Dashboard {
  return dashboard({
    uid: 'downstream-mock-node',
    title: 'Mock node',
    description: 'What farmers request from the mock node, and whether they pass.',
    buildInfo: 'mock_node_build_info',
    rows: [
      { title: 'Overview', panels: overview },
      { title: 'Challenges', panels: challenges },
      { title: 'Faults', panels: faults },
      { title: 'Requests', panels: requests },
      { title: 'Process', panels: processPanels('mock_node') },
    ],
  });
}
