import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { graph, heatmap, stat, timeline } from './panels.ts';
import { chosen, diskState, headroom, increaseOverRange, increasePerStep, passRate, quantile, rate } from './promql.ts';
import {
  alertTable,
  DISK_STATES,
  firingAlerts,
  HEADROOM_COLORS,
  PASS_RATE_COLORS,
  processPanels,
  storageStat,
} from './shared-panels.ts';

/** Passing is calm, every failure is warm. */
const RESULT_COLORS = {
  passed: 'green',
  late: 'yellow',
  missed: 'orange',
  not_challenged: 'blue',
  wrong_answer: 'red',
  chunk_unreadable: 'dark-red',
  node_error: 'purple',
};

const SLACK = 'farmer_challenge_slack_seconds_bucket';
const INTERVAL = `${chosen('farmer_challenge_interval_seconds')} > 0`;
const DISK_SIZE = chosen('farmer_disk_size_bytes');
const DISK_FREE = chosen('farmer_disk_free_bytes');
const USED = chosen('farmer_disk_used_bytes');
/** Disks of several farmers may have the same name. */
const DISK = '{{instance}} {{disk}}';
const NODE = '{{instance}} {{node}}';
/** What is left of each disk once everything that is given is used: it falls only through others' files. */
const DISK_SPARE = `(${DISK_FREE} - (${chosen('farmer_disk_capacity_bytes')} - ${USED}))`;
/** Slower than a year is not filling, but the noise of a disk in use. */
const DISK_FULL_IN = `(clamp_min(${DISK_SPARE}, 0) / (0 - (deriv(${DISK_FREE}[6h]) + deriv(${USED}[6h])) > 0) < 365 * 86400)`;
const ESTIMATE = chosen('farmer_capacity_estimate_contracts');
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
    colors: PASS_RATE_COLORS,
    nothing: 'none yet',
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerErrorBudgetBurnSlow'],
    queries: [{ expr: passRate(increaseOverRange), legend: 'passed' }],
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
    queries: [{ expr: `round(sum(${increaseOverRange('farmer_challenges_failed_total')}))`, legend: 'failed' }],
  }),
  stat({
    title: 'Headroom',
    asks: 'How near to the deadline am I? What was left of the interval when the slowest twentieth of the answers had its verdict. Of several nodes, the one where it is least.',
    normal: 'Normal: above 50 %. Below 20 % an alert fires: a slow moment would fail challenges.',
    unit: 'percentunit',
    decimals: 0,
    size: [3, 4],
    colors: HEADROOM_COLORS,
    nothing: 'none yet',
    runbooks: ['FarmerHeadroomLow'],
    queries: [{ expr: `min(${headroom(increaseOverRange)})`, legend: 'left' }],
  }),
  stat({
    title: 'Last pass',
    asks: 'How long ago was a challenge last passed? Of several farmers and nodes with contracts, the one that waits longest.',
    normal: 'Normal: less than an interval. After three intervals an alert fires.',
    unit: 's',
    decimals: 0,
    size: [3, 4],
    nothing: 'none yet',
    runbooks: ['FarmerChallengesStalled'],
    queries: [
      { expr: `time() - min(${chosen('farmer_last_passed_timestamp_seconds')} > 0 and ${INTERVAL})`, legend: 'ago' },
    ],
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
    title: 'Nodes',
    asks: 'Did every node answer when it was last asked? A node that is being left does not count.',
    normal: 'Normal: there.',
    unit: 'none',
    size: [3, 4],
    names: { '0': { text: 'away', color: 'red' }, '1': { text: 'there', color: 'green' } },
    runbooks: ['FarmerNodeUnreachable'],
    nothing: 'left',
    queries: [
      {
        expr: `min(${chosen('farmer_node_reachable')} unless ${chosen('farmer_node_exiting')} == 1)`,
        legend: 'nodes',
      },
    ],
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
  stat({
    title: 'Worst disk',
    asks: 'Does a disk fail? Of several, the one that is worst.',
    normal: 'Normal: ok. One that failed is not used until it works again; a full one takes no chunks.',
    unit: 'none',
    size: [8, 4],
    names: DISK_STATES,
    runbooks: ['FarmerDiskQuarantined', 'FarmerDiskFilling'],
    queries: [{ expr: `max(${diskState()})`, legend: 'disk' }],
  }),
  stat({
    title: 'Load',
    asks: 'How much of what could be proved in time is held? Of several farmers, the highest.',
    normal: 'Normal: below 70 %: no more is taken on. Above 100 % challenges begin to be missed.',
    unit: 'percentunit',
    decimals: 1,
    size: [8, 4],
    colors: ['green', [0.7, 'orange'], [1, 'red']],
    nothing: 'not measured yet',
    runbooks: ['FarmerOverCapacity'],
    queries: [
      {
        expr: `max(sum by (job, instance) (${chosen('farmer_contracts')}) / on (job, instance) (${ESTIMATE} > 0))`,
        legend: 'held',
      },
    ],
  }),
  stat({
    title: 'Clock skew',
    asks: 'Is a clock wrong? How far the clock of a node and that of this machine are apart; of several nodes, the farthest.',
    normal: 'Normal: a second or two. Deadlines do not depend on it; above 30 s an alert fires.',
    unit: 's',
    decimals: 0,
    size: [8, 4],
    colors: ['green', [30, 'orange']],
    runbooks: ['FarmerClockSkew'],
    queries: [{ expr: `max(abs(${chosen('farmer_node_clock_skew_seconds')}))`, legend: 'apart' }],
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
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerAnswersRejected', 'FarmerNotChallenged'],
    queries: [
      { expr: increasePerStep('farmer_challenges_passed_total'), legend: 'passed' },
      { expr: increasePerStep('farmer_challenges_failed_total', { by: ['reason'] }), legend: '{{reason}}' },
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
    queries: [{ expr: passRate(rate), legend: 'passed on time', color: 'green' }],
  }),
  graph({
    title: 'Passed, by node',
    asks: 'Do I pass at every node?',
    normal: 'Normal: each node has its steady share.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    as: 'bars',
    step: '1m',
    runbooks: ['FarmerChallengesStalled'],
    queries: [{ expr: increasePerStep('farmer_challenges_passed_total', { by: ['instance', 'node'] }), legend: NODE }],
  }),
  graph({
    title: 'Failed, by node and reason',
    asks: 'At which node do challenges fail, and why?',
    normal: 'Normal: none. One node alone: look there; all at once: look here.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    as: 'bars',
    step: '1m',
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerNotChallenged'],
    queries: [
      {
        expr: `${increasePerStep('farmer_challenges_failed_total', { by: ['node', 'reason'] })} >= 0`,
        legend: '{{node}} {{reason}}',
      },
    ],
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
    queries: [{ expr: increasePerStep(SLACK, { by: ['le'] }), legend: '{{le}}' }],
  }),
  graph({
    title: 'Slack against the interval',
    asks: 'How near to the deadline is the usual answer, the slowest twentieth, the slowest hundredth?',
    normal: 'Normal: close to the dashed intervals, one a node. What comes near to 0 fails next.',
    unit: 's',
    size: [12, 9],
    step: RARE,
    runbooks: ['FarmerHeadroomLow'],
    queries: [
      { expr: quantile(0.5, rate(SLACK)), legend: 'half have more than', color: 'green' },
      { expr: quantile(0.05, rate(SLACK)), legend: '95 % have more than', color: 'yellow' },
      { expr: quantile(0.01, rate(SLACK)), legend: '99 % have more than', color: 'red' },
      { expr: `min by (node) (${INTERVAL})`, legend: 'interval {{node}}', color: 'text', bound: true },
    ],
  }),
  graph({
    title: 'Headroom, by node',
    asks: 'At which node do I run near to the deadline? What was left of its interval for the slowest twentieth of the answers.',
    normal: 'Normal: above 50 %. Below 20 % an alert fires.',
    unit: 'percentunit',
    max: 1,
    size: [24, 7],
    step: RARE,
    runbooks: ['FarmerHeadroomLow'],
    queries: [{ expr: headroom(rate), legend: NODE }],
  }),
];

const mean = (metric: string, matchers = '') =>
  `sum(${rate(`${metric}_sum`, matchers)}) / sum(${rate(`${metric}_count`, matchers)})`;

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
        expr: quantile(0.95, rate('farmer_proof_wait_seconds_bucket')),
        legend: 'waits for a worker',
        color: 'orange',
      },
      {
        expr: quantile(0.95, rate('farmer_proof_duration_seconds_bucket')),
        legend: 'read and hashed',
        color: 'blue',
      },
      {
        expr: quantile(0.95, rate(`${ROUND_TRIP[0]}_bucket`, ROUND_TRIP[1])),
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
  graph({
    title: 'Contracts held and provable',
    asks: 'At how many contracts would I begin to miss challenges, and how many do I hold?',
    normal:
      'Normal: held stays below seven tenths of the dashed line, as no more are taken on. The line is at 0 until proofs were measured.',
    unit: 'short',
    min: 0,
    size: [24, 7],
    runbooks: ['FarmerOverCapacity'],
    queries: [
      { expr: `sum(${chosen('farmer_contracts')})`, legend: 'held', color: 'blue' },
      { expr: `sum(${ESTIMATE})`, legend: 'provable', color: 'text', bound: true },
    ],
  }),
];

const NODE_LATENCY = 'farmer_node_request_duration_seconds_bucket';

const nodeApi: Panel[] = [
  timeline({
    title: 'Node there or away',
    asks: 'When did the node answer, and when not?',
    normal: 'Normal: green without gaps; blue while this farmer leaves the node, and ever after.',
    unit: 'none',
    size: [12, 5],
    names: {
      '0': { text: 'away', color: 'red' },
      '1': { text: 'there', color: 'green' },
      '2': { text: 'being left', color: 'blue' },
    },
    runbooks: ['FarmerNodeUnreachable'],
    queries: [
      {
        expr: `min by (instance, node) (clamp_max(${chosen('farmer_node_reachable')} + 2 * ${chosen('farmer_node_exiting')}, 2))`,
        legend: NODE,
      },
    ],
  }),
  timeline({
    title: 'Node left alone',
    asks: 'When did a node fail so often that nothing but an attempt now and then was sent to it?',
    normal: 'Normal: green without gaps.',
    unit: 'none',
    size: [12, 5],
    names: { '0': { text: 'asked', color: 'green' }, '1': { text: 'left alone', color: 'orange' } },
    runbooks: ['FarmerNodeUnreachable'],
    queries: [{ expr: `max by (instance, node) (${chosen('farmer_node_circuit_open')})`, legend: NODE }],
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
        expr: `sum by (route) (${rate('farmer_node_requests_total')}) and on (route) (sum by (route) (${chosen('farmer_node_requests_total')}) > 0)`,
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
        expr: increasePerStep('farmer_node_requests_total', { matchers: 'outcome!="ok"', by: ['outcome'] }),
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
      { expr: quantile(0.5, rate(NODE_LATENCY)), legend: 'half', color: 'green' },
      { expr: quantile(0.95, rate(NODE_LATENCY)), legend: '95 %', color: 'yellow' },
      { expr: quantile(0.99, rate(NODE_LATENCY)), legend: '99 %', color: 'red' },
    ],
  }),
  graph({
    title: 'Time to the reply, by route, slowest twentieth',
    asks: 'Which route is slow?',
    normal: 'Normal: `chunk` and `download` above the others.',
    unit: 's',
    min: 0,
    size: [12, 8],
    queries: [{ expr: `${quantile(0.95, rate(NODE_LATENCY), ['route'])} >= 0`, legend: '{{route}}' }],
  }),
  graph({
    title: 'Requests that failed, by node',
    asks: 'Which node fails?',
    normal: 'Normal: none. All at once is the network here.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    runbooks: ['FarmerNodeUnreachable'],
    queries: [
      {
        expr: increasePerStep('farmer_node_requests_total', { matchers: 'outcome!="ok"', by: ['instance', 'node'] }),
        legend: NODE,
      },
    ],
  }),
  graph({
    title: 'Time to the reply, by node, slowest twentieth',
    asks: 'Which node is slow?',
    normal: 'Normal: well below a second.',
    unit: 's',
    min: 0,
    size: [8, 8],
    queries: [{ expr: `${quantile(0.95, rate(NODE_LATENCY), ['node'])} >= 0`, legend: '{{node}}' }],
  }),
  graph({
    title: 'Clock skew, by node',
    asks: 'Whose clock is wrong? Above 0, that of the node is ahead of this machine.',
    normal: 'Normal: near 0. All nodes off by the same is this machine.',
    unit: 's',
    size: [8, 8],
    runbooks: ['FarmerClockSkew'],
    queries: [{ expr: `max by (instance, node) (${chosen('farmer_node_clock_skew_seconds')})`, legend: NODE }],
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
    normal:
      'Normal: taken until what is given is used; ended and refused at 0. `released` is this farmer leaving a node, as you wanted.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: {
      taken: 'green',
      'ended: ended_by_node': 'red',
      'ended: token_lost': 'dark-red',
      'ended: released': 'blue',
      'refused: hash_mismatch': 'orange',
      'refused: duplicate': 'yellow',
      'refused: download_rejected': 'purple',
    },
    runbooks: ['FarmerContractsLost'],
    queries: [
      { expr: increasePerStep('farmer_contracts_accepted_total'), legend: 'taken' },
      { expr: increasePerStep('farmer_contracts_ended_total', { by: ['reason'] }), legend: 'ended: {{reason}}' },
      { expr: increasePerStep('farmer_contracts_rejected_total', { by: ['reason'] }), legend: 'refused: {{reason}}' },
    ],
  }),
  graph({
    title: 'Contracts by node',
    asks: 'Which node gives me contracts?',
    normal: 'Normal: each steady, or growing up to its share.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'area',
    runbooks: ['FarmerContractsLost'],
    queries: [{ expr: `sum by (instance, node) (${chosen('farmer_contracts')})`, legend: NODE }],
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
    title: 'Share used, by node',
    asks: 'How much of its share does each node use?',
    normal: 'Normal: growing up to 100 %, then level.',
    unit: 'percentunit',
    min: 0,
    size: [8, 8],
    queries: [
      {
        expr: `max by (instance, node) (${chosen('farmer_contract_bytes')} / (${chosen('farmer_capacity_bytes')} > 0))`,
        legend: NODE,
      },
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
        expr: quantile(0.5, rate('farmer_chunk_generation_duration_seconds_bucket')),
        legend: 'half',
        color: 'green',
      },
      {
        expr: quantile(0.95, rate('farmer_chunk_generation_duration_seconds_bucket')),
        legend: '95 %',
        color: 'yellow',
      },
    ],
  }),
];

const disks: Panel[] = [
  timeline({
    title: 'Disks',
    asks: 'When did a disk fail, or was full?',
    normal:
      'Normal: green without gaps. A full one takes no chunks until there is room; one that failed is not used until it works again.',
    unit: 'none',
    size: [24, 5],
    names: DISK_STATES,
    runbooks: ['FarmerDiskQuarantined', 'FarmerDiskFilling'],
    queries: [{ expr: `max by (instance, disk) (${diskState()})`, legend: DISK }],
  }),
  graph({
    title: 'Free on each disk',
    asks: 'What share of each disk is free, and what is to spare once all that is given is used?',
    normal: 'Normal: both above 0, and what is to spare level. It falls when other programs fill the disk.',
    unit: 'percentunit',
    max: 1,
    size: [12, 8],
    runbooks: ['FarmerDiskFilling'],
    queries: [
      { expr: `min by (instance, disk) (${DISK_FREE} / ${DISK_SIZE})`, legend: `free ${DISK}` },
      { expr: `min by (instance, disk) (${DISK_SPARE} / ${DISK_SIZE})`, legend: `to spare ${DISK}` },
    ],
  }),
  graph({
    title: 'Used of each disk',
    asks: 'How much of what is given of each disk do chunks use?',
    normal: 'Normal: each grows up to its dashed line, then is level.',
    unit: 'bytes',
    min: 0,
    size: [12, 8],
    queries: [
      { expr: `sum by (instance, disk) (${USED})`, legend: `used ${DISK}` },
      {
        expr: `sum by (instance, disk) (${chosen('farmer_disk_capacity_bytes')})`,
        legend: `given ${DISK}`,
        color: 'text',
        bound: true,
      },
    ],
  }),
  graph({
    title: 'Time of a probe',
    asks: 'Does a disk become slow? What writing, flushing, reading and deleting a small file took.',
    normal: 'Normal: milliseconds, and level. A disk that takes more and more is busy, or dying.',
    unit: 's',
    min: 0,
    size: [12, 8],
    runbooks: ['FarmerDiskQuarantined'],
    queries: [{ expr: `max by (instance, disk) (${chosen('farmer_disk_probe_seconds')})`, legend: DISK }],
  }),
  graph({
    title: 'Disk errors, by kind',
    asks: 'Which disk makes trouble, and what trouble?',
    normal:
      'Normal: none. `gone` is a folder that is read-only, empty or another one; `io` and `slow` are a failing disk.',
    unit: 'short',
    min: 0,
    size: [12, 8],
    as: 'bars',
    step: '1m',
    runbooks: ['FarmerDiskQuarantined', 'FarmerIntegrityErrors'],
    queries: [
      {
        expr: increasePerStep('farmer_disk_errors_total', { by: ['instance', 'disk', 'kind'] }),
        legend: `${DISK} {{kind}}`,
      },
    ],
  }),
];

const integrity: Panel[] = [
  graph({
    title: 'Chunk faults',
    asks: 'Are the disks sound? Chunks found bad, or not made.',
    normal: 'Normal: none. A single corrupt chunk is made again in time; more of them mean a failing disk.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: {
      corrupt: 'red',
      unreadable: 'orange',
      slow: 'blue',
      exhausted: 'green',
      disk_full: 'purple',
      download_failed: 'yellow',
    },
    runbooks: ['FarmerIntegrityErrors'],
    queries: [{ expr: increasePerStep('farmer_chunk_errors_total', { by: ['fault'] }), legend: '{{fault}}' }],
  }),
  graph({
    title: 'Chunks read by the scrub',
    asks: 'Are the chunks that nobody asks for sound?',
    normal:
      'Normal: `sound`, and `proved` for what a proof has read meanwhile. The others are made again. None at all: the scrub is off, or rests.',
    unit: 'short',
    min: 0,
    size: [8, 8],
    as: 'bars',
    step: '1m',
    palette: { sound: 'green', proved: 'blue', slow: 'yellow', unreadable: 'orange', corrupt: 'red' },
    runbooks: ['FarmerScrubOverdue', 'FarmerIntegrityErrors'],
    queries: [{ expr: increasePerStep('farmer_scrub_chunks_total', { by: ['result'] }), legend: '{{result}}' }],
  }),
  graph({
    title: 'Chunks repaired',
    asks: 'Does the farmer help itself? Chunks that were lost or damaged and are there again.',
    normal: 'Normal: none; after faults, as many as there were.',
    unit: 'short',
    min: 0,
    size: [5, 8],
    as: 'bars',
    step: '1m',
    runbooks: ['FarmerIntegrityErrors'],
    queries: [{ expr: increasePerStep('farmer_chunks_rebuilt_total'), legend: 'repaired', color: 'green' }],
  }),
  stat({
    title: 'Last full scrub',
    asks: 'How long ago had every chunk had its turn? Of several farmers, the one where it is longest ago.',
    normal: 'Normal: less than two rounds of FARMER_SCRUB_CYCLE, 28 days unless told otherwise.',
    unit: 's',
    decimals: 0,
    size: [3, 8],
    nothing: 'never yet',
    runbooks: ['FarmerScrubOverdue'],
    queries: [{ expr: `time() - min(${chosen('farmer_scrub_last_completed_timestamp_seconds')} > 0)`, legend: 'ago' }],
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
      { title: 'Nodes', panels: nodeApi },
      { title: 'Contracts and storage', panels: storage },
      { title: 'Disks', panels: disks },
      { title: 'Integrity', panels: integrity },
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
