import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Colors, graph, runbookUrl, stat, table, type ValueNames } from './panels.ts';
import { FIRING_ALERTS, INSTANCE, increasePerStep, rate, select } from './promql.ts';

/** The objective is 99.9 %. A failure rate above 1.44 % pages (prometheus/rules/alerts.yml). */
export const PASS_RATE_COLORS: Colors = ['red', [0.9856, 'orange'], [0.999, 'green']];
/** An alert fires below 20 % of the interval. */
export const HEADROOM_COLORS: Colors = ['red', [0.05, 'orange'], [0.2, 'green']];

/** The values of `diskState()`. */
export const DISK_STATES: ValueNames = {
  '0': { text: 'ok', color: 'green' },
  '1': { text: 'full', color: 'orange' },
  '2': { text: 'read-only', color: 'orange' },
  '3': { text: 'quarantined', color: 'red' },
};

const SEVERITIES = {
  critical: { text: 'critical', color: 'red' },
  warning: { text: 'warning', color: 'orange' },
  info: { text: 'info', color: 'blue' },
};

export function firingAlertsStat(): Panel {
  return stat({
    title: 'Firing alerts',
    question: 'How many alerts are firing?',
    normal: '0.',
    colors: ['green', [1, 'red']],
    queries: [{ expr: `count(${FIRING_ALERTS}) or vector(0)`, legend: 'alerts' }],
  });
}

export function alertTable(size: readonly [number, number]): Panel {
  return table({
    title: 'Alerts',
    question: 'Which alerts fire, and where? Click an alert to open its runbook.',
    normal: 'none.',
    size,
    noValue: 'No alert is firing',
    columns: [
      { field: 'severity', title: 'Severity', valueNames: SEVERITIES },
      { field: 'alertname', title: 'Alert', link: { title: 'Runbook', url: runbookUrl(`\${__value.text}`) } },
      { field: 'namespace', title: 'Namespace' },
      { field: 'instance', title: 'Instance' },
      { field: 'about', title: 'Node or disk' },
    ],
    // No alert has both labels.
    queries: [{ expr: `label_join(${FIRING_ALERTS}, "about", "", "node", "disk")`, legend: '{{alertname}}' }],
  });
}

export function contractsStat(): Panel {
  return stat({
    title: 'Contracts',
    question: 'How many contracts do the farmers hold?',
    normal: 'steady, or growing until the capacity is used.',
    queries: [{ expr: `sum(${select('farmer_contracts')})`, legend: 'contracts' }],
  });
}

export function storageStat(): Panel {
  return stat({
    title: 'Storage',
    question: 'How much of the capacity do contracts use?',
    normal: 'used approaches the capacity and never exceeds it.',
    unit: 'bytes',
    decimals: 1,
    queries: [
      { expr: `sum(${select('farmer_contract_bytes')})`, legend: 'used' },
      { expr: `sum(${select('farmer_capacity_bytes')})`, legend: 'capacity' },
    ],
  });
}

export function uptimeStat(runbooks: readonly string[] = []): Panel {
  return stat({
    title: 'Uptime',
    question: 'How long has the process run? Shows the most recent start.',
    normal: 'since the last update.',
    unit: 's',
    runbooks,
    queries: [{ expr: `time() - max(${select('process_start_time_seconds')})`, legend: 'uptime' }],
  });
}

export function versionStat(buildInfo: string): Panel {
  return stat({
    title: 'Version',
    question: 'Which versions and commits run?',
    normal: 'one.',
    showLegend: true,
    queries: [{ expr: `count by (version, commit) (${select(buildInfo)})`, legend: '{{version}} ({{commit}})' }],
  });
}

/** The process of a service, by instance. @param prefix of the service's metrics: `farmer` */
export function processPanels(
  prefix: string,
  runbooks: { readonly blocked?: string; readonly restarting?: string } = {},
): Panel[] {
  const size = [8, 7] as const;
  const maxOf = (metric: string, legend = INSTANCE) => ({
    expr: `max by (namespace, instance) (${select(metric)})`,
    legend,
  });
  return [
    graph({
      title: 'CPU',
      question: 'How many CPU cores does the process use?',
      normal: 'low, with peaks during proofs and chunk generation.',
      size,
      queries: [{ expr: `sum by (namespace, instance) (${rate('process_cpu_seconds_total')})`, legend: INSTANCE }],
    }),
    graph({
      title: 'Memory',
      question: 'How much memory does the process use?',
      normal: 'level over days. Steady growth is a leak.',
      unit: 'bytes',
      size,
      queries: [
        maxOf('process_resident_memory_bytes', `resident ${INSTANCE}`),
        maxOf('nodejs_heap_size_used_bytes', `heap used ${INSTANCE}`),
        maxOf('nodejs_external_memory_bytes', `buffers ${INSTANCE}`),
      ],
    }),
    graph({
      title: 'Event loop lag',
      question: 'Is the main thread blocked?',
      normal: '10 ms (the measurement itself) to 50 ms at p99. Workers compute proofs, so load does not explain more.',
      unit: 's',
      size,
      runbooks: runbooks.blocked === undefined ? [] : [runbooks.blocked],
      queries: [
        maxOf('nodejs_eventloop_lag_p50_seconds', `p50 ${INSTANCE}`),
        maxOf('nodejs_eventloop_lag_p99_seconds', `p99 ${INSTANCE}`),
      ],
    }),
    graph({
      title: 'Garbage collection',
      question: 'What share of time does garbage collection take?',
      normal: 'below 2 %.',
      unit: 'percentunit',
      size,
      queries: [{ expr: `sum by (namespace, instance) (${rate('nodejs_gc_duration_seconds_sum')})`, legend: INSTANCE }],
    }),
    graph({
      title: 'Open files',
      question: 'Does the process run out of file descriptors?',
      normal: 'far below the dashed limit.',
      size,
      queries: [maxOf('process_open_fds'), { expr: `min(${select('process_max_fds')})`, legend: 'limit', limit: true }],
    }),
    graph({
      title: 'Restarts and lost output',
      question: 'Does the process restart repeatedly? Are metrics missing from scrapes, or lines from the log?',
      normal: 'none, except for updates.',
      size,
      as: 'bars',
      runbooks: runbooks.restarting === undefined ? [] : [runbooks.restarting],
      palette: { restarts: 'orange', 'metric errors': 'red', 'lost lines': 'yellow' },
      queries: [
        { expr: `sum(changes(${select('process_start_time_seconds')}[$__rate_interval]))`, legend: 'restarts' },
        { expr: increasePerStep(`${prefix}_metric_errors_total`), legend: 'metric errors' },
        { expr: increasePerStep(`${prefix}_output_lines_dropped_total`), legend: 'lost lines' },
      ],
    }),
  ];
}
