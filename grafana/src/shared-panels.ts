import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Colors, graph, runbookUrl, stat, table, type ValueNames } from './panels.ts';
import { chosen, FIRING, increasePerStep, rate } from './promql.ts';

/** What more than one dashboard shows. */

/** The objective is 99.9 %; what fails more than 1.44 % for long wakes a person (prometheus/rules/alerts.yml). */
export const PASS_RATE_COLORS: Colors = ['red', [0.9856, 'orange'], [0.999, 'green']];
/** Below a fifth of the interval an alert fires. */
export const HEADROOM_COLORS: Colors = ['red', [0.05, 'orange'], [0.2, 'green']];

/** ValueNames of `diskState()`. */
export const DISK_STATES: ValueNames = {
  '0': { text: 'ok', color: 'green' },
  '1': { text: 'full', color: 'orange' },
  '2': { text: 'failed', color: 'red' },
};

const SEVERITIES = {
  critical: { text: 'critical', color: 'red' },
  warning: { text: 'warning', color: 'orange' },
  info: { text: 'info', color: 'blue' },
};

export function firingAlerts(size: readonly [number, number]): Panel {
  return stat({
    title: 'Firing alerts',
    asks: 'Does anything need a person now?',
    normal: 'Normal: 0.',
    unit: 'short',
    decimals: 0,
    size,
    colors: ['green', [1, 'red']],
    queries: [{ expr: `count(${FIRING}) or vector(0)`, legend: 'alerts' }],
  });
}

export function alertTable(size: readonly [number, number]): Panel {
  return table({
    title: 'Alerts',
    asks: 'What needs a person, and where? A click on an alert opens its runbook.',
    normal: 'Normal: none.',
    unit: 'none',
    size,
    nothing: 'No alert is firing',
    columns: [
      { field: 'severity', title: 'Severity', names: SEVERITIES },
      {
        field: 'alertname',
        title: 'Alert',
        link: { title: 'Runbook', url: runbookUrl(`\${__value.text}`) },
      },
      { field: 'instance', title: 'Instance' },
      { field: 'about', title: 'Node or disk' },
    ],
    // No alert is about both.
    queries: [{ expr: `label_join(${FIRING}, "about", "", "node", "disk")`, legend: '{{alertname}}' }],
  });
}

/** What contracts use of what the operator gives. */
export function storageStat(size: readonly [number, number]): Panel {
  return stat({
    title: 'Storage',
    asks: 'How much of what is given do contracts use?',
    normal: 'Normal: used comes near to given, and never above.',
    unit: 'bytes',
    decimals: 1,
    size,
    queries: [
      { expr: `sum(${chosen('farmer_contract_bytes')})`, legend: 'used' },
      { expr: `sum(${chosen('farmer_capacity_bytes')})`, legend: 'given' },
    ],
  });
}

/** The process behind a service, by instance. */
export function processPanels(
  metricErrors: string,
  runbooks: { readonly blocked?: string; readonly restarting?: string } = {},
): Panel[] {
  const legend = '{{instance}}';
  return [
    graph({
      title: 'CPU',
      asks: 'How many processor cores does the process use?',
      normal: 'Normal: little, with peaks at proofs and new chunks.',
      unit: 'short',
      min: 0,
      size: [8, 7],
      queries: [{ expr: `sum by (instance) (${rate('process_cpu_seconds_total')})`, legend }],
    }),
    graph({
      title: 'Memory',
      asks: 'How much memory does the process use?',
      normal: 'Normal: level over days. A staircase is a leak.',
      unit: 'bytes',
      min: 0,
      size: [8, 7],
      queries: [
        { expr: `max by (instance) (${chosen('process_resident_memory_bytes')})`, legend: 'resident {{instance}}' },
        { expr: `max by (instance) (${chosen('nodejs_heap_size_used_bytes')})`, legend: 'heap used {{instance}}' },
        { expr: `max by (instance) (${chosen('nodejs_external_memory_bytes')})`, legend: 'buffers {{instance}}' },
      ],
    }),
    graph({
      title: 'Event loop lag',
      asks: 'Is the main thread held up?',
      normal:
        'Normal: from 10 ms, which the measuring itself takes, to 50 ms at 99 %. Proofs are not made there: what holds it up is a fault.',
      unit: 's',
      min: 0,
      size: [8, 7],
      runbooks: runbooks.blocked === undefined ? [] : [runbooks.blocked],
      queries: [
        { expr: `max by (instance) (${chosen('nodejs_eventloop_lag_p50_seconds')})`, legend: 'half {{instance}}' },
        { expr: `max by (instance) (${chosen('nodejs_eventloop_lag_p99_seconds')})`, legend: '99 % {{instance}}' },
      ],
    }),
    graph({
      title: 'Garbage collection',
      asks: 'What share of the time goes to garbage collection?',
      normal: 'Normal: below 2 %.',
      unit: 'percentunit',
      min: 0,
      size: [8, 7],
      queries: [{ expr: `sum by (instance) (${rate('nodejs_gc_duration_seconds_sum')})`, legend }],
    }),
    graph({
      title: 'Open files',
      asks: 'Does the process run out of files and connections?',
      normal: 'Normal: far below the dashed limit.',
      unit: 'short',
      min: 0,
      size: [8, 7],
      queries: [
        { expr: `max by (instance) (${chosen('process_open_fds')})`, legend },
        { expr: `min(${chosen('process_max_fds')})`, legend: 'limit', color: 'text', bound: true },
      ],
    }),
    graph({
      title: 'Restarts and unread metrics',
      asks: 'Does the process start again and again? Could all its metrics be read?',
      normal: 'Normal: none, but for updates.',
      unit: 'short',
      min: 0,
      size: [8, 7],
      as: 'bars',
      step: '1m',
      runbooks: runbooks.restarting === undefined ? [] : [runbooks.restarting],
      palette: { restarts: 'orange', 'metrics not read': 'red' },
      queries: [
        { expr: `sum(changes(${chosen('process_start_time_seconds')}[$__rate_interval]))`, legend: 'restarts' },
        { expr: increasePerStep(metricErrors), legend: 'metrics not read' },
      ],
    }),
  ];
}
