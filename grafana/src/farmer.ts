import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { graph, heatmap, stat, timeline } from './panels.ts';
import { alertTable, firingAlerts, HEADROOM_COLORS, ON_TIME_COLORS, processPanels, storageStat } from './parts.ts';
import { chosen, onTime, overRange, perSecond, perStep, quantile } from './promql.ts';

/** Passing is calm, every failure is warm. */
const RESULT_COLORS = {
  passed: 'green',
  late: 'yellow',
  missed: 'orange',
  wrong_answer: 'red',
  chunk_unreadable: 'dark-red',
  node_error: 'purple',
};

const SLACK = 'farmer_challenge_slack_seconds_bucket';
const INTERVAL = `${chosen('farmer_challenge_interval_seconds')} > 0`;
const DISK_SIZE = chosen('farmer_disk_size_bytes');
const DISK_FREE = chosen('farmer_disk_free_bytes');
const USED = chosen('farmer_contract_bytes');
/** What is left once everything that is given is used: it falls only through others' files. */
const DISK_SPARE = `(${DISK_FREE} - (${chosen('farmer_capacity_bytes')} - ${USED}))`;
/** Slower than a year is not filling, but the noise of a disk in use. */
const DISK_FULL_IN = `(clamp_min(${DISK_SPARE}, 0) / (0 - (deriv(${DISK_FREE}[6h]) + deriv(${USED}[6h])) > 0) < 365 * 86400)`;
const ROUND_TRIP = ['farmer_node_request_duration_seconds', 'route="challenge"'] as const;
/** Challenges may be an hour apart: shorter steps would mostly be empty. */
const RARE = '2m';

const atAGlance: Panel[] = [
  stat({
    title: 'Passed on time',
    asks: 'Am I passing? The share of challenges that were answered rightly and in time, over all the time shown.',
    normal: 'Normal: 99.9 % or more. Red below 98.5 %.',
    unit: 'percentunit',
    decimals: 2,
    size: [3, 4],
    colors: ON_TIME_COLORS,
    nothing: 'none yet',
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerErrorBudgetBurnSlow'],
    queries: [{ expr: onTime(overRange), legend: 'passed' }],
  }),
  stat({
    title: 'Failures',
    asks: 'How many challenges failed over all the time shown, for whatever reason?',
    normal: 'Normal: 0, or a few in thousands.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    colors: ['green', [1, 'orange']],
    runbooks: ['FarmerErrorBudgetBurnFast'],
    queries: [{ expr: `round(sum(${overRange('farmer_challenges_failed_total')}))`, legend: 'failed' }],
  }),
  stat({
    title: 'Headroom',
    asks: 'How near to the deadline am I? What was left of the interval when the slowest twentieth of the answers had its verdict.',
    normal: 'Normal: above 50 %. Below 20 % an alert fires: a slow moment would fail challenges.',
    unit: 'percentunit',
    decimals: 0,
    size: [3, 4],
    colors: HEADROOM_COLORS,
    nothing: 'none yet',
    runbooks: ['FarmerHeadroomLow'],
    queries: [{ expr: `${quantile(0.05, overRange(SLACK))} / min(${INTERVAL})`, legend: 'left' }],
  }),
  stat({
    title: 'Last pass',
    asks: 'How long ago was a challenge last passed? Of several farmers, the one that waits longest.',
    normal: 'Normal: less than an interval. After three intervals an alert fires.',
    unit: 's',
    decimals: 0,
    size: [3, 4],
    nothing: 'none yet',
    runbooks: ['FarmerChallengesStalled'],
    queries: [{ expr: `time() - min(${chosen('farmer_last_passed_timestamp_seconds')} > 0)`, legend: 'ago' }],
  }),
  stat({
    title: 'Next deadline',
    asks: 'In what time must the next answer be with the node?',
    normal:
      'Normal: from 0 to two intervals: what was just answered is due again after the next challenge. Below 0 it is overdue.',
    unit: 's',
    decimals: 0,
    size: [3, 4],
    colors: ['red', [0, 'text']],
    nothing: 'no contracts',
    queries: [{ expr: `min(${chosen('farmer_next_due_timestamp_seconds')} > 0) - time()`, legend: 'in' }],
  }),
  firingAlerts([3, 4]),
  alertTable([6, 8]),
  stat({
    title: 'Contracts',
    asks: 'How many contracts do I hold?',
    normal: 'Normal: steady, or growing until what is given is used.',
    unit: 'short',
    decimals: 0,
    size: [3, 4],
    queries: [{ expr: `sum(${chosen('farmer_contracts')})`, legend: 'contracts' }],
  }),
  storageStat([3, 4]),
  stat({
    title: 'Disk full in',
    asks: 'When is there no room left for what is given, if the disk fills on as in the last six hours? Of several disks, the first. What the farmer is still to store itself is reckoned in.',
    normal: 'Normal: not filling, or weeks. 0 means that what is given does not fit already.',
    unit: 's',
    decimals: 0,
    size: [3, 4],
    colors: ['red', [2 * 86_400, 'orange'], [7 * 86_400, 'green']],
    nothing: 'not filling',
    runbooks: ['FarmerDiskFilling'],
    queries: [{ expr: `min(${DISK_FULL_IN} or 0 * (${DISK_SPARE} < 0))`, legend: 'full in' }],
  }),
  stat({
    title: 'Node',
    asks: 'Did the node answer when it was last asked?',
    normal: 'Normal: there.',
    unit: 'none',
    size: [3, 4],
    names: { '0': { text: 'away', color: 'red' }, '1': { text: 'there', color: 'green' } },
    runbooks: ['FarmerNodeUnreachable'],
    queries: [{ expr: `min(${chosen('farmer_node_reachable')})`, legend: 'node' }],
  }),
  stat({
    title: 'Uptime',
    asks: 'How long has the farmer run? Of several, the one that started last.',
    normal: 'Normal: since its last update.',
    unit: 's',
    decimals: 0,
    size: [3, 4],
    runbooks: ['FarmerDown', 'FarmerRestarting'],
    queries: [{ expr: `time() - max(${chosen('process_start_time_seconds')})`, legend: 'uptime' }],
  }),
  stat({
    title: 'Version',
    asks: 'Which version runs?',
    normal: 'Normal: one.',
    unit: 'none',
    size: [3, 4],
    showNames: true,
    queries: [{ expr: `count by (version) (${chosen('farmer_build_info')})`, legend: '{{version}}' }],
  }),
];

const challenges: Panel[] = [
  graph({
    title: 'Challenges by result',
    asks: 'What goes wrong, and when? Challenges settled in each step, by result.',
    normal: 'Normal: all green.',
    unit: 'short',
    min: 0,
    size: [16, 9],
    as: 'bars',
    step: '1m',
    palette: RESULT_COLORS,
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerAnswersRejected'],
    queries: [
      { expr: perStep('farmer_challenges_passed_total'), legend: 'passed' },
      { expr: perStep('farmer_challenges_failed_total', { by: ['reason'] }), legend: '{{reason}}' },
    ],
  }),
  graph({
    title: 'Share passed on time',
    asks: 'Is passing getting better or worse?',
    normal: 'Normal: a line at 100 %. It has no points where nothing was due.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    size: [8, 9],
    step: RARE,
    runbooks: ['FarmerErrorBudgetBurnSlow'],
    queries: [{ expr: onTime(perSecond), legend: 'passed on time', color: 'green' }],
  }),
];

const slack: Panel[] = [
  heatmap({
    title: 'Slack',
    asks: 'How much time was left before the deadline when the verdicts came? Challenges in each step; the row is the upper bound of the time left.',
    normal: 'Normal: one band near the top, far from 0. Below 0 is too late.',
    unit: 's',
    size: [12, 9],
    step: '1m',
    runbooks: ['FarmerHeadroomLow'],
    queries: [{ expr: perStep(SLACK, { by: ['le'] }), legend: '{{le}}' }],
  }),
  graph({
    title: 'Slack against the interval',
    asks: 'How near to the deadline is the usual answer, the slowest twentieth, the slowest hundredth?',
    normal: 'Normal: close to the dashed interval. What comes near to 0 fails next.',
    unit: 's',
    size: [12, 9],
    step: RARE,
    runbooks: ['FarmerHeadroomLow'],
    queries: [
      { expr: quantile(0.5, perSecond(SLACK)), legend: 'half have more than', color: 'green' },
      { expr: quantile(0.05, perSecond(SLACK)), legend: '95 % have more than', color: 'yellow' },
      { expr: quantile(0.01, perSecond(SLACK)), legend: '99 % have more than', color: 'red' },
      { expr: `min(${INTERVAL})`, legend: 'interval', color: 'text', bound: true },
    ],
  }),
];

const mean = (metric: string, matchers = '') =>
  `sum(${perSecond(`${metric}_sum`, matchers)}) / sum(${perSecond(`${metric}_count`, matchers)})`;

const pipeline: Panel[] = [
  graph({
    title: 'The way of a proof, mean',
    asks: 'Where does the time of an answer go: waiting for a worker, reading and hashing the chunk, or the node?',
    normal: 'Normal: little beside the interval, and most of it reading.',
    unit: 's',
    min: 0,
    size: [12, 8],
    as: 'area',
    step: RARE,
    queries: [
      { expr: mean('farmer_proof_wait_seconds'), legend: 'waits for a worker', color: 'orange' },
      { expr: mean('farmer_proof_duration_seconds'), legend: 'read and hashed', color: 'blue' },
      { expr: mean(...ROUND_TRIP), legend: 'at the node', color: 'purple' },
    ],
  }),
  graph({
    title: 'The way of a proof, slowest twentieth',
    asks: 'Which stage makes slow answers slow?',
    normal:
      'Normal: as the mean, a few times higher. Waiting that grows means too few workers for the deadlines; reading that grows, a slow disk.',
    unit: 's',
    min: 0,
    size: [12, 8],
    step: RARE,
    runbooks: ['FarmerHeadroomLow'],
    queries: [
      {
        expr: quantile(0.95, perSecond('farmer_proof_wait_seconds_bucket')),
        legend: 'waits for a worker',
        color: 'orange',
      },
      {
        expr: quantile(0.95, perSecond('farmer_proof_duration_seconds_bucket')),
        legend: 'read and hashed',
        color: 'blue',
      },
      {
        expr: quantile(0.95, perSecond(`${ROUND_TRIP[0]}_bucket`, ROUND_TRIP[1])),
        legend: 'at the node',
        color: 'purple',
      },
    ],
  }),
  graph({
    title: 'Jobs in the queues',
    asks: 'Where does work pile up: before the workers (chunks), or before the node (answers)?',
    normal: 'Normal: short peaks. What waits for longer and longer will be late.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    palette: {
      'chunks waiting': 'orange',
      'chunks running': 'blue',
      'answers waiting': 'red',
      'answers running': 'purple',
    },
    queries: [{ expr: `sum by (queue, state) (${chosen('farmer_queue_jobs')})`, legend: '{{queue}} {{state}}' }],
  }),
  graph({
    title: 'Busy workers',
    asks: 'Are there enough workers?',
    normal: 'Normal: below the dashed line most of the time. All of them busy for long means that proofs wait.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    queries: [
      { expr: `sum(${chosen('farmer_workers_busy')})`, legend: 'busy', color: 'blue' },
      { expr: `sum(${chosen('farmer_workers')})`, legend: 'allowed', color: 'text', bound: true },
    ],
  }),
];

const NODE_LATENCY = 'farmer_node_request_duration_seconds_bucket';

const nodeApi: Panel[] = [
  timeline({
    title: 'Node there or away',
    asks: 'When did the node answer, and when not?',
    normal: 'Normal: green without gaps.',
    unit: 'none',
    size: [24, 4],
    names: { '0': { text: 'away', color: 'red' }, '1': { text: 'there', color: 'green' } },
    runbooks: ['FarmerNodeUnreachable'],
    queries: [{ expr: `min by (instance) (${chosen('farmer_node_reachable')})`, legend: '{{instance}}' }],
  }),
  graph({
    title: 'Requests by route',
    asks: 'What is the node asked for, and how often?',
    normal: 'Normal: `due` ten times an interval, `challenge` once an interval and contract.',
    unit: 'reqps',
    min: 0,
    size: [12, 8],
    // Only the routes that were ever asked for; with their zeros, which are what an outage looks like.
    queries: [
      {
        expr: `sum by (route) (${perSecond('farmer_node_requests_total')}) and on (route) (sum by (route) (${chosen('farmer_node_requests_total')}) > 0)`,
        legend: '{{route}}',
      },
    ],
  }),
  graph({
    title: 'Requests that failed, by outcome',
    asks: 'How do requests to the node fail?',
    normal:
      'Normal: none. `unreachable` and `timeout` are the network or the node; `no_token` is a node that does not know this farmer any more.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    as: 'bars',
    step: '1m',
    palette: {
      unreachable: 'red',
      timeout: 'orange',
      bad_reply: 'dark-red',
      http_error: 'yellow',
      rejected: 'blue',
      no_token: 'purple',
      no_hash: 'dark-purple',
    },
    runbooks: ['FarmerNodeUnreachable'],
    queries: [
      {
        expr: perStep('farmer_node_requests_total', { matchers: 'outcome!="ok"', by: ['outcome'] }),
        legend: '{{outcome}}',
      },
    ],
  }),
  graph({
    title: 'Time to the reply',
    asks: 'How fast does the node answer, all routes together?',
    normal: 'Normal: well below a second.',
    unit: 's',
    min: 0,
    size: [12, 8],
    queries: [
      { expr: quantile(0.5, perSecond(NODE_LATENCY)), legend: 'half', color: 'green' },
      { expr: quantile(0.95, perSecond(NODE_LATENCY)), legend: '95 %', color: 'yellow' },
      { expr: quantile(0.99, perSecond(NODE_LATENCY)), legend: '99 %', color: 'red' },
    ],
  }),
  graph({
    title: 'Time to the reply, by route, slowest twentieth',
    asks: 'Which route is slow?',
    normal: 'Normal: `chunk` and `download` above the others.',
    unit: 's',
    min: 0,
    size: [12, 8],
    queries: [{ expr: `${quantile(0.95, perSecond(NODE_LATENCY), ['route'])} >= 0`, legend: '{{route}}' }],
  }),
];

const storage: Panel[] = [
  graph({
    title: 'Contracts by state',
    asks: 'What do my contracts wait for?',
    normal:
      'Normal: nearly all `waiting` for their next challenge. `generating` shows new or spoiled chunks; `proving` and `answering` are short.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'area',
    palette: { waiting: 'green', generating: 'blue', proving: 'yellow', answering: 'purple' },
    queries: [{ expr: `sum by (state) (${chosen('farmer_contracts')})`, legend: '{{state}}' }],
  }),
  graph({
    title: 'Contracts come and go',
    asks: 'Do I get contracts, do I lose any, and why?',
    normal: 'Normal: taken until what is given is used; ended and refused at 0.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: {
      taken: 'green',
      'ended: ended_by_node': 'red',
      'ended: token_lost': 'dark-red',
      'refused: hash_mismatch': 'orange',
      'refused: duplicate': 'yellow',
      'refused: download_refused': 'purple',
    },
    runbooks: ['FarmerContractsLost'],
    queries: [
      { expr: perStep('farmer_contracts_taken_total'), legend: 'taken' },
      { expr: perStep('farmer_contracts_ended_total', { by: ['reason'] }), legend: 'ended: {{reason}}' },
      { expr: perStep('farmer_contracts_refused_total', { by: ['reason'] }), legend: 'refused: {{reason}}' },
    ],
  }),
  graph({
    title: 'Chunk faults',
    asks: 'Is the disk sound? Chunks found bad, or not made.',
    normal: 'Normal: none. A single corrupt chunk is made again in time; more of them mean a failing disk.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: { corrupt: 'red', unreadable: 'orange', disk_full: 'purple', download_failed: 'yellow' },
    runbooks: ['FarmerIntegrityErrors'],
    queries: [{ expr: perStep('farmer_chunk_faults_total', { by: ['fault'] }), legend: '{{fault}}' }],
  }),
  graph({
    title: 'Storage used and given',
    asks: 'How much of what is given do contracts use?',
    normal: 'Normal: growing up to the dashed line, then level.',
    unit: 'bytes',
    min: 0,
    size: [8, 8],
    queries: [
      { expr: `sum(${chosen('farmer_contract_bytes')})`, legend: 'used by contracts', color: 'blue' },
      { expr: `sum(${chosen('farmer_capacity_bytes')})`, legend: 'given', color: 'text', bound: true },
    ],
  }),
  graph({
    title: 'Free on the disk',
    asks: 'What share of the disk is free, and what is to spare once all that is given is used?',
    normal: 'Normal: both above 0, and what is to spare level. It falls when other programs fill the disk.',
    unit: 'percentunit',
    max: 1,
    size: [8, 8],
    runbooks: ['FarmerDiskFilling'],
    queries: [
      { expr: `min by (instance) (${DISK_FREE} / ${DISK_SIZE})`, legend: 'free {{instance}}' },
      { expr: `min by (instance) (${DISK_SPARE} / ${DISK_SIZE})`, legend: 'to spare {{instance}}' },
    ],
  }),
  graph({
    title: 'Making a chunk',
    asks: 'How fast do chunks come into being?',
    normal: 'Normal: seconds at most. It has no points where none was made.',
    unit: 's',
    min: 0,
    size: [8, 8],
    step: RARE,
    queries: [
      {
        expr: quantile(0.5, perSecond('farmer_chunk_generation_duration_seconds_bucket')),
        legend: 'half',
        color: 'green',
      },
      {
        expr: quantile(0.95, perSecond('farmer_chunk_generation_duration_seconds_bucket')),
        legend: '95 %',
        color: 'yellow',
      },
    ],
  }),
];

/** One farmer, or some: from "am I passing?" down to the process. */
export function farmerDashboard(): Dashboard {
  return dashboard({
    uid: 'downstream-farmer',
    title: 'Farmer',
    description: 'Whether a farmer passes, how near to the deadline it runs, and what will go wrong next.',
    buildInfo: 'farmer_build_info',
    rows: [
      { title: 'At a glance', panels: atAGlance },
      { title: 'Challenges', panels: challenges },
      { title: 'Slack', panels: slack },
      { title: 'Proof pipeline', panels: pipeline },
      { title: 'Node API', panels: nodeApi },
      { title: 'Contracts and storage', panels: storage },
      {
        title: 'Process',
        panels: processPanels('farmer_metric_errors_total', {
          blocked: 'FarmerEventLoopBlocked',
          restarting: 'FarmerRestarting',
        }),
      },
    ],
  });
}
