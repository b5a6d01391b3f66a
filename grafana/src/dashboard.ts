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
import { chosen, FIRING } from './promql.ts';

const COLUMNS = 24;
/** Dashboards with this tag link to each other. */
const TAG = 'downstream';

/** A dashboard, before Grafana's own bookkeeping. */
export interface Plan {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The metric whose labels are the jobs and instances to choose from; its `version` is watched for changes. */
  readonly buildInfo: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

/**
 * A dashboard as Grafana's files have it. Ids, positions, variables, annotations and links are set here and nowhere else:
 * the builders leave most of them out, and Grafana then guesses.
 */
export function dashboard({ uid, title, description, buildInfo, rows }: Plan): Dashboard {
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
  for (const variable of variables(buildInfo)) builder.withVariable(variable);
  for (const annotation of annotations(buildInfo)) builder.annotation(annotation);
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
      if (placed.links) placed.links = placed.links.map(visible);
      builder.withPanel({ build: () => placed });
    }
    y = Math.max(...skyline);
  }
  const built = builder.build();
  const list = (built.annotations?.list ?? []).map(visible);
  return { ...built, links: (built.links ?? []).map(visible), annotations: { list } };
}

/** Puts a panel where it fits, as high and then as far left as it can, and raises the skyline there. */
function place(skyline: number[], { title, gridPos }: Panel): { x: number; y: number; w: number; h: number } {
  const { w, h } = gridPos ?? { w: 0, h: 0 };
  let best: { x: number; y: number } | undefined;
  for (let x = 0; x + w <= COLUMNS; x += 1) {
    const y = Math.max(...skyline.slice(x, x + w));
    if (best === undefined || y < best.y) best = { x, y };
  }
  if (best === undefined || w < 1 || h < 1) throw new Error(`the panel ${title ?? ''} has no place: ${w} by ${h}`);
  skyline.fill(best.y + h, best.x, best.x + w);
  return { ...best, w, h };
}

/** The builders' default hides a link, or the switch of an annotation, in a menu. */
function visible<T extends { placement?: unknown }>({ placement: _, ...rest }: T): T {
  return rest as T;
}

function variables(buildInfo: string) {
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
    // All jobs are those that have this metric, not any: `up` and `process_…` belong to every job that is scraped.
    labels('job', 'Job', `label_values(${buildInfo}, job)`),
    labels('instance', 'Instance', `label_values(${buildInfo}{job=~"$job"}, instance)`).allValue('.+'),
  ];
}

function annotations(buildInfo: string) {
  const version = chosen(buildInfo);
  const before = `last_over_time(${chosen(buildInfo)}[1h] offset $__rate_interval)`;
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
    // The value is the time of the start itself: exact, however wide the steps of a graph are.
    annotation('Starts', 'blue', `${chosen('process_start_time_seconds')} * 1000`)
      .useValueForTime(true)
      .titleFormat('{{instance}} started')
      .tagKeys('job'),
    annotation(
      'Version changes',
      'purple',
      `${version} unless on (job, instance, version) ${before} and on (job, instance) ${before}`,
    )
      .titleFormat('{{instance}} now runs {{version}}')
      .tagKeys('job'),
    annotation('Alerts', 'red', FIRING).titleFormat('{{alertname}}').textFormat('{{instance}}').tagKeys('severity'),
  ];
}
