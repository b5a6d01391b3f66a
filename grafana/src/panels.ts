import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  type DataTransformerConfig,
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  SpecialValueMatch,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Every panel and query uses the data source that this dashboard variable selects. */
export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };

const REPOSITORY = 'https://github.com/downstream/downstream';
export const RUNBOOKS = `${REPOSITORY}/tree/main/docs/runbooks`;
export const runbookUrl = (alert: string) => `${REPOSITORY}/blob/main/docs/runbooks/${alert}.md`;

const HOUR_MS = 3_600_000;

interface Query {
  readonly expr: string;
  /** Name of its series, with {{labels}}. */
  readonly legend: string;
  /** One colour for all its series. */
  readonly color?: string;
  /** A limit to compare the other queries with, drawn dashed. */
  readonly limit?: true;
}

/** Colours by threshold: `[base, [from, color], …]`. */
export type Colors = readonly [string, ...(readonly [number, string])[]];

/** Texts and colours that replace values. */
export type ValueNames = Readonly<Record<string, { readonly text: string; readonly color: string }>>;

/** What all kinds of panels have. */
interface PanelSpec {
  readonly title: string;
  /** The question that the panel answers. */
  readonly question: string;
  /** What a healthy system shows, or the value at which to act. */
  readonly normal: string;
  /** Default: `short`, a plain number. */
  readonly unit?: string;
  readonly queries: readonly [Query, ...Query[]];
  /** Columns (of 24) and rows (of 30 pixels). */
  readonly size?: readonly [number, number];
  readonly decimals?: number;
  readonly max?: number;
  readonly colors?: Colors;
  /** Text in place of a missing value. */
  readonly noValue?: string;
  readonly valueNames?: ValueNames;
  /** Minimum step of a graph, for rare events. */
  readonly step?: string;
  /** Alerts whose runbooks apply. */
  readonly runbooks?: readonly string[];
  /** Link of its values. */
  readonly link?: { readonly title: string; readonly url: string };
}

type AnyBuilder = StatBuilder | TimeseriesBuilder | HeatmapBuilder | TableBuilder | StateTimelineBuilder;

/** A single value, evaluated at the end of the time range. */
export function stat(spec: PanelSpec & { readonly showLegend?: true }): Panel {
  const { colors, valueNames, showLegend } = spec;
  const builder = new StatBuilder()
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(colors || valueNames ? BigValueColorMode.Value : BigValueColorMode.None)
    .graphMode(BigValueGraphMode.None);
  const defaults = { size: [3, 4], ...(valueNames || showLegend ? { unit: 'none' } : { decimals: 0 }) } as const;
  const panel = build(builder, { ...defaults, ...spec }, PromQueryFormat.TimeSeries, 'instant');
  return showLegend ? { ...panel, options: { ...(panel.options as object), textMode: 'name' } } : panel;
}

function legendBelow(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([]);
}

/** Values over time. */
export function graph(
  spec: PanelSpec & {
    /** `bars`: counts per step, stacked. `area`: parts of a whole, stacked. */
    readonly as?: 'lines' | 'bars' | 'area';
    /** Colours by legend, if one query has several series. */
    readonly palette?: Readonly<Record<string, string>>;
    /** Values may be below zero. Otherwise the axis starts at 0. */
    readonly signed?: true;
  },
): Panel {
  const { as = 'lines', palette = {}, signed, queries } = spec;
  const builder = new TimeseriesBuilder()
    .legend(legendBelow())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .drawStyle(as === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .stacking(new StackingConfigBuilder().mode(as === 'lines' ? StackingMode.None : StackingMode.Normal).group('all'))
    .fillOpacity({ lines: 8, bars: 80, area: 35 }[as])
    .lineWidth(as === 'bars' ? 0 : 1)
    .showPoints(as === 'bars' ? VisibilityMode.Never : VisibilityMode.Auto)
    // For rare events, a step without samples is not a gap.
    .spanNulls(as === 'lines' && spec.step !== undefined ? HOUR_MS : false)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic));
  if (!signed) builder.min(0);
  for (const [name, color] of Object.entries(palette)) builder.overrideByName(name, [fixed(color)]);
  for (const [index, { limit, color = limit && 'text' }] of queries.entries()) {
    const properties: DynamicConfigValue[] = [];
    if (color !== undefined) properties.push(fixed(color));
    if (limit) {
      properties.push(
        { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      );
    }
    if (properties.length > 0) builder.overrideByQuery(toRefId(index), properties);
  }
  const defaults = { size: [12, 8], ...(as === 'bars' && { step: '1m' }) } as const;
  return build(builder, { ...defaults, ...spec }, PromQueryFormat.TimeSeries, 'range');
}

/** A histogram's buckets over time. */
export function heatmap(spec: PanelSpec & { readonly unit: string }): Panel {
  const builder = new HeatmapBuilder()
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Blues')
        .fill('blue')
        .exponent(0.5)
        .steps(64)
        .reverse(false),
    )
    .yAxis(new YAxisConfigBuilder().unit(spec.unit))
    .cellGap(1);
  return build(builder, spec, PromQueryFormat.Heatmap, 'range');
}

/** States over time, as coloured bars. */
export function timeline(spec: PanelSpec): Panel {
  const builder = new StateTimelineBuilder()
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .legend(legendBelow());
  return build(builder, { unit: 'none', ...spec }, PromQueryFormat.TimeSeries, 'range');
}

/** A column of a table: the value of a query, or a label. */
export interface Column extends Pick<PanelSpec, 'unit' | 'decimals' | 'colors' | 'valueNames' | 'link' | 'noValue'> {
  /** `Value #A` for the first of several queries, or the name of a label. */
  readonly field: string;
  readonly title: string;
  /** For links of other columns: `${__data.fields.title}`. */
  readonly hidden?: boolean;
}

/** One row per label set, joined over all queries. Shows the given columns in their order. */
export function table(
  spec: PanelSpec & { readonly columns: readonly Column[]; readonly lowestFirst?: readonly string[] },
): Panel {
  const { columns, lowestFirst = [], queries } = spec;
  const builder = new TableBuilder().showHeader(true);
  builder.sortBy(lowestFirst.map((column) => new TableSortByFieldStateBuilder().displayName(column).desc(false)));
  if (queries.length > 1) builder.withTransformation({ id: 'merge', options: {} });
  for (const transformation of selectColumns(columns)) builder.withTransformation(transformation);
  for (const { title, unit, decimals, noValue, valueNames, colors, link, hidden } of columns) {
    const properties: DynamicConfigValue[] = [];
    const set = (id: string, value: unknown) => properties.push({ id, value });
    if (unit !== undefined) set('unit', unit);
    if (decimals !== undefined) set('decimals', decimals);
    if (noValue !== undefined || valueNames !== undefined) set('mappings', toMappings(valueNames, noValue));
    if (colors !== undefined) set('thresholds', { mode: ThresholdsMode.Absolute, steps: toSteps(colors) });
    if (colors !== undefined || valueNames !== undefined) set('custom.cellOptions', { type: 'color-text' });
    if (link !== undefined) set('links', [{ ...link, targetBlank: false }]);
    if (hidden) set('custom.hidden', true);
    if (properties.length > 0) builder.overrideByName(title, properties);
  }
  return build(builder, { unit: 'none', ...spec }, PromQueryFormat.Table, 'instant');
}

function selectColumns(columns: readonly Column[]): DataTransformerConfig[] {
  return [
    { id: 'filterFieldsByName', options: { include: { names: columns.map(({ field }) => field) } } },
    {
      id: 'organize',
      options: {
        excludeByName: {},
        indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
        renameByName: Object.fromEntries(columns.map(({ field, title }) => [field, title])),
      },
    },
  ];
}

/** Sets explicitly what the builders omit or leave to Grafana's defaults. */
function build(builder: AnyBuilder, spec: PanelSpec, format: PromQueryFormat, kind: 'instant' | 'range'): Panel {
  const { title, question, normal, unit = 'short', queries, runbooks = [], valueNames, noValue, link } = spec;
  const { size: [width, height] = [12, 8] } = spec;
  // A table's columns have their own colours and value names.
  const isTable = builder instanceof TableBuilder;
  builder
    .title(title)
    .description(`${question} Normal: ${normal}`)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(height)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(toSteps(spec.colors ?? ['text'])));
  if (spec.colors && !isTable) builder.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.max !== undefined) builder.max(spec.max);
  if (spec.step !== undefined) builder.interval(spec.step);
  if (noValue !== undefined) builder.noValue(noValue);
  if (!isTable && (noValue !== undefined || valueNames !== undefined))
    builder.mappings(toMappings(valueNames, noValue));
  if (link !== undefined) builder.dataLinks([new DashboardLinkBuilder(link.title).url(link.url)]);
  if (runbooks.length > 0) {
    builder.links(
      runbooks.map((alert) => new DashboardLinkBuilder(`Runbook: ${alert}`).url(runbookUrl(alert)).targetBlank(true)),
    );
  }
  for (const [index, { expr, legend }] of queries.entries()) {
    const query = new DataqueryBuilder().refId(toRefId(index)).datasource(DATASOURCE).expr(expr).format(format);
    query.legendFormat(legend);
    builder.withTarget(kind === 'instant' ? query.instant() : query.range());
  }
  return builder.build();
}

/** The name of a panel's query: A, B, C … */
function toRefId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function toSteps([base, ...others]: Colors): Threshold[] {
  return [{ value: null, color: base }, ...others.map(([value, color]) => ({ value, color }))];
}

function toMappings(valueNames: ValueNames | undefined, noValue: string | undefined): ValueMapping[] {
  const mappings: ValueMapping[] = [];
  if (valueNames !== undefined) mappings.push({ type: MappingType.ValueToText, options: { ...valueNames } });
  if (noValue !== undefined) {
    const options = { match: SpecialValueMatch.NullAndNan, result: { text: noValue, color: 'text' } };
    mappings.push({ type: MappingType.SpecialValue, options });
  }
  return mappings;
}

function fixed(color: string): DynamicConfigValue {
  return { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: color } };
}
