import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph } from '../panels.ts';
import { quantile, rate, select } from '../promql.ts';
import { CAPACITY_ESTIMATE, RARE } from './queries.ts';

const stageQueries = (toExpr: (metric: string, matchers?: string) => string) =>
  [
    { expr: toExpr('farmer_proof_wait_seconds'), legend: 'wait for worker', color: 'orange' },
    { expr: toExpr('farmer_proof_duration_seconds'), legend: 'read and hash', color: 'blue' },
    {
      expr: toExpr('farmer_node_request_duration_seconds', 'route="challenge"'),
      legend: 'node response',
      color: 'purple',
    },
  ] as const;

export const pipelinePanels: Panel[] = [
  graph({
    title: 'Proof stages, mean',
    question: 'Where does the time of an answer go: waiting for a worker, reading the chunk, or the node?',
    normal: 'short compared with the interval, and mostly reading.',
    unit: 's',
    as: 'area',
    step: RARE,
    queries: stageQueries(
      (metric, matchers) => `sum(${rate(`${metric}_sum`, matchers)}) / sum(${rate(`${metric}_count`, matchers)})`,
    ),
  }),
  graph({
    title: 'Proof stages, p95',
    question: 'Which stage makes slow answers slow?',
    normal: 'a few times the mean. Growing waits mean too few workers; growing reads mean a slow disk.',
    unit: 's',
    step: RARE,
    runbooks: ['FarmerHeadroomLow'],
    queries: stageQueries((metric, matchers) => quantile(0.95, rate(`${metric}_bucket`, matchers))),
  }),
  graph({
    title: 'Queued jobs',
    question: 'Where does work queue up: at the workers (chunks) or at the node (answers)?',
    normal: 'short peaks. Growing queues lead to late answers.',
    palette: {
      'chunks waiting': 'orange',
      'chunks running': 'blue',
      'answers waiting': 'red',
      'answers running': 'purple',
    },
    queries: [{ expr: `sum by (queue, state) (${select('farmer_queue_jobs')})`, legend: '{{queue}} {{state}}' }],
  }),
  graph({
    title: 'Busy workers',
    question: 'Are there enough workers?',
    normal: 'below the dashed limit most of the time. Otherwise proofs wait.',
    queries: [
      { expr: `sum(${select('farmer_workers_busy')})`, legend: 'busy', color: 'blue' },
      { expr: `sum(${select('farmer_workers')})`, legend: 'limit', limit: true },
    ],
  }),
  graph({
    title: 'Contracts and capacity estimate',
    question: 'How many contracts does the farmer hold, and how many could it prove in time?',
    normal: 'contracts stay below 70 % of the dashed estimate. The estimate is 0 until proofs were measured.',
    size: [24, 7],
    runbooks: ['FarmerOverCapacity'],
    queries: [
      { expr: `sum(${select('farmer_contracts')})`, legend: 'contracts', color: 'blue' },
      { expr: `sum(${CAPACITY_ESTIMATE})`, legend: 'capacity estimate', limit: true },
    ],
  }),
];
