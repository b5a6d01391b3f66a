import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph } from '../panels.ts';
import { increasePerStep, passRate, rate } from '../promql.ts';
import { NODE, RARE } from './queries.ts';

const RESULT_COLORS = {
  passed: 'green',
  late: 'yellow',
  missed: 'orange',
  not_challenged: 'blue',
  wrong_answer: 'red',
  chunk_unreadable: 'dark-red',
  node_error: 'purple',
};

export const challengePanels: Panel[] = [
  graph({
    title: 'Challenges by result',
    question: 'How many challenges pass, and why do others fail?',
    normal: 'all passed.',
    size: [16, 9],
    as: 'bars',
    palette: RESULT_COLORS,
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerAnswersRejected', 'FarmerNotChallenged'],
    queries: [
      { expr: increasePerStep('farmer_challenges_passed_total'), legend: 'passed' },
      { expr: increasePerStep('farmer_challenges_failed_total', { by: ['reason'] }), legend: '{{reason}}' },
      { expr: increasePerStep('farmer_challenges_unknown_total'), legend: 'unknown' },
    ],
  }),
  graph({
    title: 'Pass rate over time',
    question: 'Does the pass rate rise or fall?',
    normal: '100 %. No points where no challenge was due.',
    unit: 'percentunit',
    max: 1,
    size: [8, 9],
    step: RARE,
    runbooks: ['FarmerErrorBudgetBurnSlow'],
    queries: [{ expr: passRate(rate), legend: 'pass rate', color: 'green' }],
  }),
  graph({
    title: 'Passed challenges by node',
    question: 'Do challenges pass at every node?',
    normal: 'a steady number per node.',
    as: 'bars',
    runbooks: ['FarmerChallengesStalled'],
    queries: [
      {
        expr: increasePerStep('farmer_challenges_passed_total', { by: ['namespace', 'instance', 'node'] }),
        legend: NODE,
      },
    ],
  }),
  graph({
    title: 'Failed challenges by node and reason',
    question: 'At which node do challenges fail, and why?',
    normal: 'none. If one node fails, check that node. If all fail, check this farmer.',
    as: 'bars',
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerNotChallenged'],
    queries: [
      {
        expr: `${increasePerStep('farmer_challenges_failed_total', { by: ['node', 'reason'] })} >= 0`,
        legend: '{{node}} {{reason}}',
      },
    ],
  }),
];
