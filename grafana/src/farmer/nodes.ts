import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, timeline } from '../panels.ts';
import { increasePerStep, quantile, rate, select } from '../promql.ts';
import { NODE } from './queries.ts';

const DURATION_BUCKETS = 'farmer_node_request_duration_seconds_bucket';
const failedRequests = (by: readonly string[]) =>
  increasePerStep('farmer_node_requests_total', { matchers: 'outcome!="ok"', by });
const runbooks = ['FarmerNodeUnreachable'];

export const nodePanels: Panel[] = [
  timeline({
    title: 'Node availability',
    question: 'When did each node respond as expected?',
    normal: 'working without gaps.',
    size: [12, 5],
    valueNames: {
      '0': { text: 'failing', color: 'red' },
      '1': { text: 'working', color: 'green' },
      '2': { text: 'graceful exit', color: 'blue' },
    },
    runbooks,
    queries: [
      {
        expr: `min by (namespace, instance, node) (clamp_max(${select('farmer_node_reachable')} + 2 * ${select('farmer_node_exiting')}, 2))`,
        legend: NODE,
      },
    ],
  }),
  timeline({
    title: 'Circuit breakers',
    question: 'When did a node fail so often that the circuit breaker opened?',
    normal: 'closed without gaps.',
    size: [12, 5],
    valueNames: { '0': { text: 'closed', color: 'green' }, '1': { text: 'open', color: 'orange' } },
    runbooks,
    queries: [{ expr: `max by (namespace, instance, node) (${select('farmer_node_circuit_open')})`, legend: NODE }],
  }),
  graph({
    title: 'Requests by route',
    question: 'Which requests does the farmer send, and how often?',
    normal: '`due` ten times per interval, `challenge` once per interval and contract.',
    unit: 'reqps',
    // Only routes in use, including times at 0, which show an outage.
    queries: [
      {
        expr: `sum by (route) (${rate('farmer_node_requests_total')}) and on (route) (sum by (route) (${select('farmer_node_requests_total')}) > 0)`,
        legend: '{{route}}',
      },
    ],
  }),
  graph({
    title: 'Failed requests and skipped entries',
    question: 'Why do requests to nodes fail, and which entries of listings are unusable?',
    normal: 'none. `unreachable` and `timeout`: network or node. `no_token`: the node no longer knows this farmer.',
    as: 'bars',
    palette: {
      unreachable: 'red',
      timeout: 'orange',
      invalid_response: 'dark-red',
      http_error: 'yellow',
      rejected: 'blue',
      no_token: 'purple',
      no_hash: 'dark-purple',
    },
    runbooks,
    queries: [
      { expr: failedRequests(['outcome']), legend: '{{outcome}}' },
      {
        expr: increasePerStep('farmer_listing_entries_skipped_total', { by: ['reason'] }),
        legend: 'skipped: {{reason}}',
      },
    ],
  }),
  graph({
    title: 'Response time',
    question: 'How fast do nodes respond, over all routes?',
    normal: 'well below one second.',
    unit: 's',
    queries: [
      { expr: quantile(0.5, rate(DURATION_BUCKETS)), legend: 'p50', color: 'green' },
      { expr: quantile(0.95, rate(DURATION_BUCKETS)), legend: 'p95', color: 'yellow' },
      { expr: quantile(0.99, rate(DURATION_BUCKETS)), legend: 'p99', color: 'red' },
    ],
  }),
  graph({
    title: 'Response time by route, p95',
    question: 'Which route is slow?',
    normal: '`chunk` and `download` take longer than the others.',
    unit: 's',
    queries: [{ expr: `${quantile(0.95, rate(DURATION_BUCKETS), ['route'])} >= 0`, legend: '{{route}}' }],
  }),
  graph({
    title: 'Failed requests by node',
    question: 'Which node fails?',
    normal: 'none. If all nodes fail, check this network.',
    size: [8, 8],
    as: 'bars',
    runbooks,
    queries: [{ expr: failedRequests(['namespace', 'instance', 'node']), legend: NODE }],
  }),
  graph({
    title: 'Response time by node, p95',
    question: 'Which node is slow?',
    normal: 'well below one second.',
    unit: 's',
    size: [8, 8],
    queries: [{ expr: `${quantile(0.95, rate(DURATION_BUCKETS), ['node'])} >= 0`, legend: '{{node}}' }],
  }),
  graph({
    title: 'Clock skew by node',
    question: 'Whose clock is wrong? Above 0, the clock of the node is ahead.',
    normal: 'near 0. If all nodes differ by the same amount, this clock is wrong.',
    unit: 's',
    size: [8, 8],
    signed: true,
    runbooks: ['FarmerClockSkew'],
    queries: [
      { expr: `max by (namespace, instance, node) (${select('farmer_node_clock_skew_seconds')})`, legend: NODE },
    ],
  }),
];
