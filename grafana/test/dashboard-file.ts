import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A committed dashboard file, with types for the fields that tests read. */
export interface DashboardFile {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly editable: boolean;
  readonly schemaVersion: number;
  readonly id?: number;
  readonly refresh: string;
  readonly links: readonly { readonly type: string; readonly url?: string; readonly tags: readonly string[] }[];
  readonly tags: readonly string[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
  readonly panels: readonly PanelFile[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly label: string;
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
  readonly query: string | { readonly query: string };
  readonly datasource?: { readonly uid: string };
}

interface Annotation {
  readonly name: string;
  readonly expr: string;
  readonly datasource: { readonly uid: string };
}

export interface PanelFile {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly interval?: string;
  readonly datasource: { readonly uid: string };
  readonly links?: readonly { readonly title: string; readonly url: string }[];
  readonly targets?: readonly Target[];
  readonly transformations?: readonly { readonly id: string; readonly options: Record<string, unknown> }[];
  readonly fieldConfig: {
    readonly defaults: FieldDefaults;
    readonly overrides: readonly {
      readonly matcher: { readonly id: string; readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
  readonly options: {
    readonly legend?: { readonly showLegend?: boolean };
    readonly reduceOptions?: { readonly calcs: readonly string[] };
    readonly textMode?: string;
  };
}

interface FieldDefaults {
  readonly unit?: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly noValue?: string;
  readonly color?: { readonly mode: string; readonly fixedColor?: string };
  readonly thresholds?: { readonly steps: readonly { readonly value: number | null; readonly color: string }[] };
  readonly mappings?: readonly Mapping[];
  readonly custom?: Record<string, unknown>;
}

type Mapping =
  | { readonly type: 'value'; readonly options: Record<string, { readonly text: string; readonly color: string }> }
  | {
      readonly type: 'special';
      readonly options: { readonly match: string; readonly result: { readonly text: string; readonly color: string } };
    };

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant: boolean;
  readonly range: boolean;
  readonly format: string;
  readonly datasource: { readonly uid: string };
}

const FOLDER = join(import.meta.dirname, '../dashboards');

export const DASHBOARDS: readonly DashboardFile[] = readdirSync(FOLDER)
  .sort()
  .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as DashboardFile);

/** All panels except rows. */
export function listPanels({ panels }: DashboardFile): PanelFile[] {
  return panels.filter(({ type }) => type !== 'row');
}

/** A query of a panel, an annotation or a variable. */
export interface DashboardQuery {
  readonly dashboard: string;
  /** Panel title and query name, or the name of the annotation or variable. */
  readonly where: string;
  readonly expr: string;
  readonly kind: 'instant' | 'range' | 'annotation' | 'variable';
  readonly panel?: PanelFile;
  readonly legend?: string;
}

export function listQueries(dashboard: DashboardFile): DashboardQuery[] {
  const { title } = dashboard;
  const panels = listPanels(dashboard).flatMap((panel) =>
    (panel.targets ?? []).map(({ refId, expr, instant, legendFormat }) => ({
      dashboard: title,
      where: `${panel.title} ${refId}`,
      expr,
      kind: instant ? ('instant' as const) : ('range' as const),
      panel,
      legend: legendFormat,
    })),
  );
  const annotations = dashboard.annotations.list.map(({ name, expr }) => ({
    dashboard: title,
    where: `annotation ${name}`,
    expr,
    kind: 'annotation' as const,
  }));
  const variables = dashboard.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }) => {
      const [, series = '', label = ''] =
        /^label_values\((.+), (\w+)\)$/.exec(typeof query === 'string' ? query : query.query) ?? [];
      return {
        dashboard: title,
        where: `variable ${name}`,
        expr: `group by (${label}) (${series})`,
        kind: 'variable' as const,
      };
    });
  return [...variables, ...annotations, ...panels];
}

interface VariableValues {
  /** All by default. */
  readonly namespace?: string;
  readonly job: string;
  readonly stepSeconds: number;
  readonly rateInterval: string;
  readonly range: string;
}

/** Replaces variables as Grafana does. */
export function interpolate(
  expr: string,
  { namespace = '.*', job, stepSeconds, rateInterval, range }: VariableValues,
): string {
  return expr
    .replaceAll('$__rate_interval', rateInterval)
    .replaceAll('$__interval_ms', String(stepSeconds * 1000))
    .replaceAll('$__range', range)
    .replaceAll('$namespace', namespace)
    .replaceAll('$job', job)
    .replaceAll('$instance', '.+');
}
