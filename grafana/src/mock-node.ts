import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { graph, stat } from './panels.ts';
import { ON_TIME_COLORS, processPanels } from './parts.ts';
import { chosen, overRange, perSecond, perStep, quantile } from './promql.ts';

const RESULT_COLORS = { passed: 'green', wrong: 'red', unanswered: 'orange' };
const LATENCY = 'mock_node_request_duration_seconds_bucket';

const glance: Panel[] = [
  stat({
    title: 'Farmers',
    asks: 'How many farmers have registered?',
    normal: 'Normal: those that you started, and those of earlier runs.',
    unit: 'short',
    decimals: 0,
    size: [4, 4],
    queries: [{ expr: `sum(${chosen('mock_node_farmers')})`, legend: 'farmers' }],
  }),
  stat({
    title: 'Contracts',
    asks: 'How many contracts run?',
    normal: 'Normal: what the farmers hold together.',
    unit: 'short',
    decimals: 0,
    size: [4, 4],
    queries: [{ expr: `sum(${chosen('mock_node_contracts')})`, legend: 'contracts' }],
  }),
  stat({
    title: 'Challenges passed',
    asks: 'Do the farmers pass? Over all the time shown.',
    normal: 'Normal: 100 %, as long as every farmer runs.',
    unit: 'percentunit',
    decimals: 1,
    size: [4, 4],
    colors: ON_TIME_COLORS,
    nothing: 'none yet',
    queries: [
      {
        expr: `sum(${overRange('mock_node_challenges_total', 'result="passed"')}) / sum(${overRange('mock_node_challenges_total')})`,
        legend: 'passed',
      },
    ],
  }),
  stat({
    title: 'Server errors',
    asks: 'How often did the mock node itself fail? Over all the time shown.',
    normal: 'Normal: 0.',
    unit: 'short',
    decimals: 0,
    size: [4, 4],
    colors: ['green', [1, 'red']],
    queries: [
      {
        expr: `round(sum(${overRange('mock_node_requests_total', 'code=~"5.."')})) or vector(0)`,
        legend: 'errors',
      },
    ],
  }),
  stat({
    title: 'Uptime',
    asks: 'How long has it run? Its ledger is in memory: a restart forgets farmers and contracts.',
    normal: 'Normal: since you started it.',
    unit: 's',
    decimals: 0,
    size: [4, 4],
    queries: [{ expr: `time() - max(${chosen('process_start_time_seconds')})`, legend: 'uptime' }],
  }),
  stat({
    title: 'Version',
    asks: 'Which version runs?',
    normal: 'Normal: the one of the farmers.',
    unit: 'none',
    size: [4, 4],
    showNames: true,
    queries: [{ expr: `count by (version) (${chosen('mock_node_build_info')})`, legend: '{{version}}' }],
  }),
];

const work: Panel[] = [
  graph({
    title: 'Challenges by result',
    asks: 'Do the farmers pass, answer wrong, or not at all?',
    normal: 'Normal: all green.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    as: 'bars',
    step: '1m',
    palette: RESULT_COLORS,
    queries: [{ expr: perStep('mock_node_challenges_total', { by: ['result'] }), legend: '{{result}}' }],
  }),
  graph({
    title: 'Contracts and farmers',
    asks: 'How much is farmed, and by how many?',
    normal: 'Normal: level. Contracts that are not proved end.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    queries: [
      { expr: `sum(${chosen('mock_node_contracts')})`, legend: 'contracts', color: 'blue' },
      { expr: `sum(${chosen('mock_node_farmers')})`, legend: 'farmers', color: 'purple' },
    ],
  }),
];

const requests: Panel[] = [
  graph({
    title: 'Requests by route',
    asks: 'What do farmers ask for?',
    normal:
      'Normal: `due` ten times an interval and farmer, `challenge` once an interval and contract, `chunk` while farmers grow.',
    unit: 'reqps',
    min: 0,
    size: [8, 8],
    queries: [{ expr: `sum by (route) (${perSecond('mock_node_requests_total')})`, legend: '{{route}}' }],
  }),
  graph({
    title: 'Requests by status',
    asks: 'What do they get?',
    normal:
      'Normal: 200, also for a token or a hash that the node does not know: the reply says so. 500 is a fault of the mock node.',
    unit: 'reqps',
    min: 0,
    size: [8, 8],
    as: 'area',
    queries: [{ expr: `sum by (code) (${perSecond('mock_node_requests_total')})`, legend: '{{code}}' }],
  }),
  graph({
    title: 'Time to the reply, slowest twentieth',
    asks: 'Which route is slow?',
    normal: 'Normal: milliseconds; giving out a contract takes longer, as its chunk is hashed for it.',
    unit: 's',
    min: 0,
    size: [8, 8],
    queries: [{ expr: `${quantile(0.95, perSecond(LATENCY), ['route'])} >= 0`, legend: '{{route}}' }],
  }),
];

/** The mock node: what farmers ask it, and how they do. */
export function mockNodeDashboard(): Dashboard {
  return dashboard({
    uid: 'downstream-mock-node',
    title: 'Mock node',
    description: 'What farmers ask the mock node for, and whether they pass.',
    buildInfo: 'mock_node_build_info',
    rows: [
      { title: 'At a glance', panels: glance },
      { title: 'Challenges', panels: work },
      { title: 'Requests', panels: requests },
      { title: 'Process', panels: processPanels('mock_node_metric_errors_total') },
    ],
  });
}
