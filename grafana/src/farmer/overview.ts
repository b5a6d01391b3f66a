import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { stat } from '../panels.ts';
import { diskState, headroom, increaseOverRange, passRate, select, TARGET } from '../promql.ts';
import {
  alertTable,
  contractsStat,
  DISK_STATES,
  firingAlertsStat,
  HEADROOM_COLORS,
  PASS_RATE_COLORS,
  storageStat,
  uptimeStat,
  versionStat,
} from '../shared-panels.ts';
import { CAPACITY_ESTIMATE, DISK_FREE, DISK_SPARE, DISK_USED, INTERVAL } from './queries.ts';

const FARMER = TARGET.join(', ');
/** A forecast beyond a year is noise of a disk in use. */
const DISK_FULL_IN = `(clamp_min(${DISK_SPARE}, 0) / (0 - (deriv(${DISK_FREE}[6h]) + deriv(${DISK_USED}[6h])) > 0) < 365 * 86400)`;

export const overviewPanels: Panel[] = [
  stat({
    title: 'Pass rate',
    question: 'What share of the challenges in the time range passed?',
    normal: '99.9 % or more. Red below 98.56 %.',
    unit: 'percentunit',
    decimals: 2,
    colors: PASS_RATE_COLORS,
    noValue: 'none yet',
    runbooks: ['FarmerErrorBudgetBurnFast', 'FarmerErrorBudgetBurnSlow'],
    queries: [{ expr: passRate(increaseOverRange), legend: 'passed' }],
  }),
  stat({
    title: 'Failed challenges',
    question: 'How many challenges failed in the time range?',
    normal: '0, or a few per thousand challenges.',
    colors: ['green', [1, 'orange']],
    runbooks: ['FarmerErrorBudgetBurnFast'],
    queries: [{ expr: `round(sum(${increaseOverRange('farmer_challenges_failed_total')}))`, legend: 'failed' }],
  }),
  stat({
    title: 'Headroom',
    question:
      'How much of the interval was left when the slowest 5 % of answers got their verdict? Shows the worst node.',
    normal: 'above 50 %. An alert fires below 20 %.',
    unit: 'percentunit',
    colors: HEADROOM_COLORS,
    noValue: 'none yet',
    runbooks: ['FarmerHeadroomLow'],
    queries: [{ expr: `min(${headroom(increaseOverRange)})`, legend: 'left' }],
  }),
  stat({
    title: 'Last pass',
    question: 'How long ago did a challenge pass? Shows the farmer and node that have waited longest.',
    normal: 'less than one interval. An alert fires after three intervals.',
    unit: 's',
    noValue: 'none yet',
    runbooks: ['FarmerChallengesStalled'],
    queries: [
      { expr: `time() - min(${select('farmer_last_passed_timestamp_seconds')} > 0 and ${INTERVAL})`, legend: 'ago' },
    ],
  }),
  stat({
    title: 'Next deadline',
    question: 'When is the next answer due?',
    normal: 'within two intervals. Below 0, an answer is overdue.',
    unit: 's',
    colors: ['red', [0, 'text']],
    noValue: 'no contracts',
    queries: [{ expr: `min(${select('farmer_next_due_timestamp_seconds')} > 0) - time()`, legend: 'in' }],
  }),
  firingAlertsStat(),
  alertTable([6, 8]),
  contractsStat(),
  storageStat(),
  stat({
    title: 'Disk full in',
    question:
      'When will the configured capacity no longer fit on a disk, at the fill rate of the last 6 hours? Shows the first disk.',
    normal: 'not filling, or weeks. At 0 it does not fit now.',
    unit: 's',
    colors: ['red', [2 * 86_400, 'orange'], [7 * 86_400, 'green']],
    noValue: 'not filling',
    runbooks: ['FarmerDiskFilling'],
    queries: [{ expr: `min(${DISK_FULL_IN} or 0 * (${DISK_SPARE} < 0))`, legend: 'full in' }],
  }),
  stat({
    title: 'Nodes',
    question: 'Did every node respond to its last request, as expected? Ignores nodes in graceful exit.',
    normal: 'working.',
    valueNames: { '0': { text: 'failing', color: 'red' }, '1': { text: 'working', color: 'green' } },
    runbooks: ['FarmerNodeUnreachable'],
    noValue: 'exited',
    queries: [
      {
        expr: `min(${select('farmer_node_reachable')} unless ${select('farmer_node_exiting')} == 1)`,
        legend: 'nodes',
      },
    ],
  }),
  uptimeStat(['FarmerDown', 'FarmerRestarting']),
  versionStat('farmer_build_info'),
  stat({
    title: 'Worst disk',
    question: 'Is any disk unusable? Shows the disk in the worst state.',
    normal: 'ok. A full or read-only disk stores no more chunks. A quarantined disk is not used.',
    size: [8, 4],
    valueNames: DISK_STATES,
    runbooks: ['FarmerDiskQuarantined', 'FarmerDiskReadOnly', 'FarmerDiskFilling'],
    queries: [{ expr: `max(${diskState()})`, legend: 'disk' }],
  }),
  stat({
    title: 'Load',
    question: 'What share of the capacity estimate do contracts use? Shows the farmer with the highest load.',
    normal: 'up to 70 %, where the farmer stops accepting contracts. Above 100 % challenges may be missed.',
    unit: 'percentunit',
    decimals: 1,
    size: [8, 4],
    colors: ['green', [0.7, 'orange'], [1, 'red']],
    noValue: 'not measured yet',
    runbooks: ['FarmerOverCapacity'],
    queries: [
      {
        expr: `max(sum by (${FARMER}) (${select('farmer_contracts')}) / on (${FARMER}) (${CAPACITY_ESTIMATE} > 0))`,
        legend: 'load',
      },
    ],
  }),
  stat({
    title: 'Clock skew',
    question: 'How far apart are the clocks of nodes and farmer? Shows the node with the largest skew.',
    normal: 'below 2 s. An alert fires above 30 s. Deadlines do not depend on it.',
    unit: 's',
    size: [8, 4],
    colors: ['green', [30, 'orange']],
    runbooks: ['FarmerClockSkew'],
    queries: [{ expr: `max(abs(${select('farmer_node_clock_skew_seconds')}))`, legend: 'skew' }],
  }),
];
