import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph } from '../panels.ts';
import { increasePerStep, quantile, rate, select } from '../promql.ts';
import { NODE, RARE } from './queries.ts';

const GENERATION_BUCKETS = 'farmer_chunk_generation_duration_seconds_bucket';
const size = [8, 8] as const;

export const storagePanels: Panel[] = [
  graph({
    title: 'Contracts by state',
    question: 'What are the contracts waiting for?',
    normal:
      'nearly all `waiting` for their next challenge. `generating`: the chunk is new or being rebuilt. `proving` and `answering` are short.',
    size,
    as: 'area',
    palette: { waiting: 'green', generating: 'blue', proving: 'yellow', answering: 'purple' },
    queries: [{ expr: `sum by (state) (${select('farmer_contracts')})`, legend: '{{state}}' }],
  }),
  graph({
    title: 'Contract changes',
    question: 'Does the farmer accept, reject or lose contracts, and why?',
    normal: 'accepted until the capacity is used; none ended or rejected. `released`: graceful exit.',
    size,
    as: 'bars',
    palette: {
      accepted: 'green',
      'ended: ended_by_node': 'red',
      'ended: token_lost': 'dark-red',
      'ended: released': 'blue',
      'ended: completed': 'light-blue',
      'rejected: hash_mismatch': 'orange',
      'rejected: duplicate': 'yellow',
      'rejected: download_rejected': 'purple',
      'rejected: invalid_tag': 'dark-purple',
    },
    runbooks: ['FarmerContractsLost'],
    queries: [
      { expr: increasePerStep('farmer_contracts_accepted_total'), legend: 'accepted' },
      { expr: increasePerStep('farmer_contracts_ended_total', { by: ['reason'] }), legend: 'ended: {{reason}}' },
      { expr: increasePerStep('farmer_contracts_rejected_total', { by: ['reason'] }), legend: 'rejected: {{reason}}' },
    ],
  }),
  graph({
    title: 'Contracts by node',
    question: 'Which node issues contracts?',
    normal: 'steady per node, or growing up to its capacity.',
    size,
    as: 'area',
    runbooks: ['FarmerContractsLost'],
    queries: [
      { expr: `sum by (namespace, instance, node) (${select('farmer_contracts')})`, legend: NODE },
      { expr: `sum(${select('farmer_contracts_ending_soon')})`, legend: 'completed within a day', limit: true },
    ],
  }),
  graph({
    title: 'Storage and capacity',
    question: 'How much of the capacity do contracts use?',
    normal: 'growing up to the dashed capacity, then level.',
    unit: 'bytes',
    size,
    queries: [
      { expr: `sum(${select('farmer_contract_bytes')})`, legend: 'used', color: 'blue' },
      { expr: `sum(${select('farmer_capacity_bytes')})`, legend: 'capacity', limit: true },
    ],
  }),
  graph({
    title: 'Capacity used by node',
    question: 'How much of its capacity does each node use?',
    normal: 'growing up to 100 %, then level.',
    unit: 'percentunit',
    size,
    queries: [
      {
        expr: `max by (namespace, instance, node) (${select('farmer_contract_bytes')} / (${select('farmer_capacity_bytes')} > 0))`,
        legend: NODE,
      },
    ],
  }),
  graph({
    title: 'Chunk generation time',
    question: 'How long does it take to generate a chunk?',
    normal: 'a few seconds at most. No points where none was generated.',
    unit: 's',
    size,
    step: RARE,
    queries: [
      { expr: quantile(0.5, rate(GENERATION_BUCKETS)), legend: 'p50', color: 'green' },
      { expr: quantile(0.95, rate(GENERATION_BUCKETS)), legend: 'p95', color: 'yellow' },
    ],
  }),
];
