import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { graph, heatmap } from '../panels.ts';
import { headroom, increasePerStep, quantile, rate } from '../promql.ts';
import { INTERVAL, NODE, RARE, SLACK_BUCKETS } from './queries.ts';

const runbooks = ['FarmerHeadroomLow'];

export const slackPanels: Panel[] = [
  heatmap({
    title: 'Slack',
    question: 'How much time was left before the deadline at the verdict? Rows are upper bounds.',
    normal: 'one band far above 0. Below 0 is late.',
    unit: 's',
    size: [12, 9],
    step: '1m',
    runbooks,
    queries: [{ expr: increasePerStep(SLACK_BUCKETS, { by: ['le'] }), legend: '{{le}}' }],
  }),
  graph({
    title: 'Slack and interval',
    question: 'How much slack do the median, the slowest 5 % and the slowest 1 % of answers have?',
    normal: 'close to the dashed intervals of the nodes. Answers near 0 fail next.',
    unit: 's',
    size: [12, 9],
    signed: true,
    step: RARE,
    runbooks,
    queries: [
      { expr: quantile(0.5, rate(SLACK_BUCKETS)), legend: 'median', color: 'green' },
      { expr: quantile(0.05, rate(SLACK_BUCKETS)), legend: 'slowest 5 %', color: 'yellow' },
      { expr: quantile(0.01, rate(SLACK_BUCKETS)), legend: 'slowest 1 %', color: 'red' },
      { expr: `min by (node) (${INTERVAL})`, legend: 'interval {{node}}', limit: true },
    ],
  }),
  graph({
    title: 'Headroom by node',
    question: 'At which node are answers close to the deadline? Share of the interval left for the slowest 5 %.',
    normal: 'above 50 %. An alert fires below 20 %.',
    unit: 'percentunit',
    max: 1,
    size: [24, 7],
    signed: true,
    step: RARE,
    runbooks,
    queries: [{ expr: headroom(rate), legend: NODE }],
  }),
];
