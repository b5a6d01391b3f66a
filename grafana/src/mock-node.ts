import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { graph, stat } from './panels.ts';
import { chosen, increaseOverRange, increasePerStep, quantile, rate } from './promql.ts';
import { PASS_RATE_COLORS, processPanels } from './shared-panels.ts';

const RESULT_COLORS = { passed: 'green', wrong: 'red', unanswered: 'orange' };
const STATE_COLORS = { due: 'orange', settled: 'green' };
const REASON_COLORS = { failed: 'red', removed: 'blue', expired: 'orange', forgotten: 'purple', replaced: 'yellow' };
const LATENCY = 'mock_node_request_duration_seconds_bucket';

const glance: Panel[] = [
  stat({
    title: 'Farmers',
    asks: 'How many farmers have registered?',
    normal: 'Normal: those that you started, and those of earlier runs.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    queries: [{ expr: `sum(${chosen('mock_node_farmers')})`, legend: 'farmers' }],
  }),
  stat({
    title: 'Contracts',
    asks: 'How many contracts run?',
    normal: 'Normal: what the farmers hold together.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    queries: [{ expr: `sum(${chosen('mock_node_contracts')})`, legend: 'contracts' }],
  }),
  stat({
    title: 'Challenges passed',
    asks: 'Do the farmers pass? Over all the time shown.',
    normal: 'Normal: 100 %, as long as every farmer runs.',
    unit: 'percentunit',
    decimals: 1,
    size: [4, 4],
    colors: PASS_RATE_COLORS,
    nothing: 'none yet',
    queries: [
      {
        expr: `sum(${increaseOverRange('mock_node_challenges_total', 'result="passed"')}) / sum(${increaseOverRange('mock_node_challenges_total')})`,
        legend: 'passed',
      },
    ],
  }),
  stat({
    title: 'Server errors',
    asks: 'How often did the mock node itself fail? Over all the time shown.',
    normal: 'Normal: 0, unless a fault asks for 500.',
    unit: 'short',
    decimals: 0,
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
    title: 'Faults applied',
    asks: 'How many requests were hit by a fault? Over all the time shown.',
    normal: 'Normal: 0, until you switch one on.',
    unit: 'short',
    decimals: 0,
    size: [4, 4],
    queries: [
      {
        expr: `round(sum(${increaseOverRange('mock_node_faults_applied_total')})) or vector(0)`,
        legend: 'faults',
      },
    ],
  }),
  stat({
    title: 'Uptime',
    asks: 'How long has it run? A restart forgets farmers and contracts, unless MOCK_STATE keeps them.',
    normal: 'Normal: since you started it.',
    unit: 's',
    decimals: 0,
    size: [3, 4],
    queries: [{ expr: `time() - max(${chosen('process_start_time_seconds')})`, legend: 'uptime' }],
  }),
  stat({
    title: 'Version',
    asks: 'Which version runs?',
    normal: 'Normal: the one of the farmers.',
    unit: 'none',
    size: [3, 4],
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
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: RESULT_COLORS,
    queries: [{ expr: increasePerStep('mock_node_challenges_total', { by: ['result'] }), legend: '{{result}}' }],
  }),
  graph({
    title: 'Contracts by state',
    asks: 'How much is farmed, and how much of it still owes an answer?',
    normal: 'Normal: level, and mostly settled. Contracts that are not proved end.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'area',
    palette: STATE_COLORS,
    queries: [{ expr: `sum by (state) (${chosen('mock_node_contracts')})`, legend: '{{state}}' }],
  }),
  graph({
    title: 'Contracts ended, by reason',
    asks: 'What becomes of contracts?',
    normal:
      'Normal: none. `failed` too often, `removed` by their farmer, `replaced` by another of the same chunk; a fault or you had them `expired` or `forgotten`.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: REASON_COLORS,
    queries: [{ expr: increasePerStep('mock_node_contracts_ended_total', { by: ['reason'] }), legend: '{{reason}}' }],
  }),
];

const faults: Panel[] = [
  graph({
    title: 'Faults applied, by name',
    asks: 'Do the faults happen that I asked for?',
    normal: 'Normal: as often as they are set to; nothing while none is on.',
    unit: 'short',
    min: 0,
    size: [24, 8],
    as: 'bars',
    step: '1m',
    queries: [{ expr: increasePerStep('mock_node_faults_applied_total', { by: ['name'] }), legend: '{{name}}' }],
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
    queries: [{ expr: `sum by (route) (${rate('mock_node_requests_total')})`, legend: '{{route}}' }],
  }),
  graph({
    title: 'Requests by status',
    asks: 'What do they get?',
    normal:
      'Normal: 200, also for a token or a hash that the node does not know: the reply says so. Others are what faults ask for, `none` where they keep the reply back; 500 otherwise is the mock node’s own failing.',
    unit: 'reqps',
    min: 0,
    size: [8, 8],
    as: 'area',
    queries: [{ expr: `sum by (code) (${rate('mock_node_requests_total')})`, legend: '{{code}}' }],
  }),
  graph({
    title: 'Time to the reply, slowest twentieth',
    asks: 'Which route is slow?',
    normal: 'Normal: milliseconds; giving out a contract takes longer, as its chunk is hashed for it.',
    unit: 's',
    min: 0,
    size: [8, 8],
    queries: [{ expr: `${quantile(0.95, rate(LATENCY), ['route'])} >= 0`, legend: '{{route}}' }],
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
      { title: 'Faults', panels: faults },
      { title: 'Requests', panels: requests },
      { title: 'Process', panels: processPanels('mock_node_metric_errors_total') },
    ],
  });
}
