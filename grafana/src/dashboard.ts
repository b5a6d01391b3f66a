import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  TimePickerBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, RUNBOOKS } from './panels.ts';
import { FIRING_ALERTS, INSTANCE, select, TARGET } from './promql.ts';

const COLUMNS = 24;
/** Dashboards with this tag link to each other. */
const TAG = 'downstream';

interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The metric whose jobs and instances can be selected. A change of its `version` or `commit` is annotated. */
  readonly buildInfo: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

/**
 * A dashboard in the format of Grafana's files. Sets ids, positions, variables, annotations and links, because the
 * builders omit most of them and Grafana would guess.
 */
export function dashboard({ uid, title, description, buildInfo, rows }: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .timepicker(new TimePickerBuilder().refreshIntervals(['10s', '30s', '1m', '5m', '15m', '1h']))
    .timezone('browser')
    .refresh('30s');
  for (const variable of createVariables(buildInfo)) builder.withVariable(variable);
  for (const annotation of createAnnotations(buildInfo)) builder.annotation(annotation);
  builder.link(new DashboardLinkBuilder('Dashboards').type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true));
  builder.link(
    new DashboardLinkBuilder('Runbooks').type(DashboardLinkType.Link).icon('doc').url(RUNBOOKS).targetBlank(true),
  );
  let id = 0;
  let y = 0;
  for (const row of rows) {
    const gridPos = { x: 0, y, w: COLUMNS, h: 1 };
    id += 1;
    builder.withRow(new RowBuilder(row.title).id(id).gridPos(gridPos));
    const skyline = Array.from({ length: COLUMNS }, () => y + 1);
    for (const panel of row.panels) {
      id += 1;
      const placed = { ...panel, id, gridPos: place(skyline, panel) };
      if (placed.links) placed.links = placed.links.map(show);
      builder.withPanel({ build: () => placed });
    }
    y = Math.max(...skyline);
  }
  const built = builder.build();
  const list = (built.annotations?.list ?? []).map(show);
  return { ...built, links: (built.links ?? []).map(show), annotations: { list } };
}

/** Places a panel at the highest, then leftmost free position, and raises the skyline there. */
function place(skyline: number[], { title, gridPos }: Panel): { x: number; y: number; w: number; h: number } {
  const { w, h } = gridPos ?? { w: 0, h: 0 };
  let best: { x: number; y: number } | undefined;
  for (let x = 0; x + w <= COLUMNS; x += 1) {
    const y = Math.max(...skyline.slice(x, x + w));
    if (best === undefined || y < best.y) best = { x, y };
  }
  if (best === undefined || w < 1 || h < 1) throw new Error(`panel "${title}" does not fit: ${w} by ${h}`);
  skyline.fill(best.y + h, best.x, best.x + w);
  return { ...best, w, h };
}

/** The builders' default `placement` hides links and annotation switches in a menu. */
function show<T extends { placement?: unknown }>({ placement: _, ...rest }: T): T {
  return rest as T;
}

function createVariables(buildInfo: string) {
  const labels = (name: string, label: string, query: string) =>
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(DATASOURCE)
      .query({ qryType: 1, query, refId: `${name}s` })
      .definition(query)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .current({ selected: true, text: ['All'], value: ['$__all'] });
  return [
    new DatasourceVariableBuilder('datasource')
      .label('Data source')
      .type('prometheus')
      .current({ selected: true, text: 'Prometheus', value: 'prometheus' }),
    // Also matches targets without a namespace.
    labels('namespace', 'Namespace', `label_values(${buildInfo}, namespace)`).allValue('.*'),
    // No `allValue`, so that All means the jobs with this metric: every scraped job has `up` and `process_…`.
    labels('job', 'Job', `label_values(${buildInfo}{namespace=~"$namespace"}, job)`),
    labels(
      'instance',
      'Instance',
      `label_values(${buildInfo}{namespace=~"$namespace", job=~"$job"}, instance)`,
    ).allValue('.+'),
  ];
}

function createAnnotations(buildInfo: string) {
  const version = select(buildInfo);
  const before = `last_over_time(${version}[1h] offset $__rate_interval)`;
  const annotation = (name: string, color: string, expr: string) =>
    new AnnotationQueryBuilder()
      .name(name)
      .datasource(DATASOURCE)
      .enable(true)
      .iconColor(color)
      .expr(expr)
      .step('')
      .hide(false);
  return [
    // The value is the exact start time, independent of the graph's step.
    annotation('Restarts', 'blue', `${select('process_start_time_seconds')} * 1000`)
      .useValueForTime(true)
      .titleFormat(`${INSTANCE} started`)
      .tagKeys('job'),
    annotation(
      'Version changes',
      'purple',
      `${version} unless on (${TARGET.join(', ')}, version, commit) ${before} and on (${TARGET.join(', ')}) ${before}`,
    )
      .titleFormat(`${INSTANCE} now runs {{version}} ({{commit}})`)
      .tagKeys('job'),
    annotation('Alerts', 'red', FIRING_ALERTS).titleFormat('{{alertname}}').textFormat(INSTANCE).tagKeys('severity'),
  ];
}
