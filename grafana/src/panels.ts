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

/** The variable that every panel and every query takes its data source from. */
export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };

const REPOSITORY = 'https://github.com/downstream/downstream';
export const RUNBOOKS = `${REPOSITORY}/tree/main/docs/runbooks`;
export const runbookUrl = (alert: string) => `${REPOSITORY}/blob/main/docs/runbooks/${alert}.md`;

const AN_HOUR_MS = 3_600_000;

/** One query of a panel. */
interface Query {
  readonly expr: string;
  /** What its series are called, with {{labels}}. */
  readonly legend: string;
  /** One colour for all its series. */
  readonly color?: string;
  /** Drawn dashed, as a bound that the others are seen against. */
  readonly bound?: true;
}

/** From which value on which colour; the first holds below all others. */
export type Colors = readonly [string, ...(readonly [number, string])[]];

/** What values are called, and their colours. */
export type ValueNames = Readonly<Record<string, { readonly text: string; readonly color: string }>>;

/** What every panel has. */
export interface Basics {
  readonly title: string;
  /** The question that the panel answers. */
  readonly asks: string;
  /** What it looks like when all is well, or from when on to worry. */
  readonly normal: string;
  readonly unit: string;
  readonly queries: readonly [Query, ...Query[]];
  /** Columns of 24, and rows of 30 pixels. */
  readonly size: readonly [number, number];
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly colors?: Colors;
  /** What is shown in place of nothing. */
  readonly nothing?: string;
  /** Values with a name and a colour. */
  readonly names?: ValueNames;
  /** The least step of its graph, for what happens rarely. */
  readonly step?: string;
  /** Alerts whose runbooks say what to do. */
  readonly runbooks?: readonly string[];
  /** Where a click on a value leads. */
  readonly link?: { readonly title: string; readonly url: string };
}

/** A panel's builder, as far as all kinds of panels are alike. */
type AnyBuilder = StatBuilder | TimeseriesBuilder | HeatmapBuilder | TableBuilder | StateTimelineBuilder;

/** One figure, reckoned for the end of the time shown. */
export function stat(basics: Basics & { readonly showNames?: true }): Panel {
  const builder = new StatBuilder()
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(basics.colors || basics.names ? BigValueColorMode.Value : BigValueColorMode.None)
    .graphMode(BigValueGraphMode.None);
  const panel = finish(builder, basics, PromQueryFormat.TimeSeries, 'instant');
  return basics.showNames ? { ...panel, options: { ...(panel.options as object), textMode: 'name' } } : panel;
}

function legendBelow(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([]);
}

/** How things went over time. */
export function graph(
  basics: Basics & {
    /** `bars` for counts in each step, `area` for shares of a whole: both are stacked. */
    readonly as?: 'lines' | 'bars' | 'area';
    /** Colours by name of series, where one query has several. */
    readonly palette?: Readonly<Record<string, string>>;
  },
): Panel {
  const { as = 'lines', palette = {}, queries } = basics;
  const builder = new TimeseriesBuilder()
    .legend(legendBelow())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .drawStyle(as === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .stacking(new StackingConfigBuilder().mode(as === 'lines' ? StackingMode.None : StackingMode.Normal).group('all'))
    .fillOpacity({ lines: 8, bars: 80, area: 35 }[as])
    .lineWidth(as === 'bars' ? 0 : 1)
    .showPoints(as === 'bars' ? VisibilityMode.Never : VisibilityMode.Auto)
    // Where events are rare, a step without any is no gap; elsewhere a gap is the truth.
    .spanNulls(as === 'lines' && basics.step !== undefined ? AN_HOUR_MS : false);
  if (basics.colors === undefined) {
    builder.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic));
  }
  for (const [name, color] of Object.entries(palette)) builder.overrideByName(name, [fixed(color)]);
  for (const [at, { color, bound }] of queries.entries()) {
    const properties: DynamicConfigValue[] = [];
    if (color !== undefined) properties.push(fixed(color));
    if (bound) {
      properties.push(
        { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      );
    }
    if (properties.length > 0) builder.overrideByQuery(refId(at), properties);
  }
  return finish(builder, basics, PromQueryFormat.TimeSeries, 'range');
}

/** A histogram's buckets over time. */
export function heatmap(basics: Basics): Panel {
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
    .yAxis(new YAxisConfigBuilder().unit(basics.unit))
    .cellGap(1);
  return finish(builder, basics, PromQueryFormat.Heatmap, 'range');
}

/** Which state something was in, as coloured bars over time. */
export function timeline(basics: Basics): Panel {
  const builder = new StateTimelineBuilder()
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .legend(legendBelow());
  return finish(builder, basics, PromQueryFormat.TimeSeries, 'range');
}

/** A column of a table: one query's value, or a label. */
export interface Column {
  /** `Value #A` for the first query's, or the label's name. */
  readonly field: string;
  readonly title: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly colors?: Colors;
  readonly names?: Basics['names'];
  readonly link?: Basics['link'];
  readonly nothing?: string;
}

/** A row for each set of labels, joined from all queries; only the columns named are shown, in their order. */
export function table(
  basics: Basics & { readonly columns: readonly Column[]; readonly lowestFirst?: readonly string[] },
): Panel {
  const { columns, lowestFirst = [], queries } = basics;
  const builder = new TableBuilder().showHeader(true);
  builder.sortBy(lowestFirst.map((column) => new TableSortByFieldStateBuilder().displayName(column).desc(false)));
  if (queries.length > 1) builder.withTransformation({ id: 'merge', options: {} });
  for (const transformation of onlyColumns(columns)) builder.withTransformation(transformation);
  for (const column of columns) {
    const properties: DynamicConfigValue[] = [];
    if (column.unit !== undefined) properties.push({ id: 'unit', value: column.unit });
    if (column.decimals !== undefined) properties.push({ id: 'decimals', value: column.decimals });
    if (column.nothing !== undefined || column.names !== undefined) {
      properties.push({ id: 'mappings', value: mappings(column.names, column.nothing) });
    }
    if (column.colors !== undefined) {
      properties.push({ id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps: steps(column.colors) } });
    }
    if (column.colors !== undefined || column.names !== undefined) {
      properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
    }
    if (column.link !== undefined) properties.push({ id: 'links', value: [{ ...column.link, targetBlank: false }] });
    if (properties.length > 0) builder.overrideByName(column.title, properties);
  }
  return finish(builder, basics, PromQueryFormat.Table, 'instant');
}

function onlyColumns(columns: readonly Column[]): DataTransformerConfig[] {
  return [
    { id: 'filterFieldsByName', options: { include: { names: columns.map(({ field }) => field) } } },
    {
      id: 'organize',
      options: {
        excludeByName: {},
        indexByName: Object.fromEntries(columns.map(({ field }, at) => [field, at])),
        renameByName: Object.fromEntries(columns.map(({ field, title }) => [field, title])),
      },
    },
  ];
}

/** Sets on any panel what the builders leave out, or leave to Grafana's own defaults. */
function finish(builder: AnyBuilder, basics: Basics, format: PromQueryFormat, kind: 'instant' | 'range'): Panel {
  const { title, asks, normal, unit, queries, size, runbooks = [], names, nothing, link } = basics;
  const [width, height] = size;
  // A table's columns have their own colours and names.
  const valued = !(builder instanceof TableBuilder);
  builder
    .title(title)
    .description(`${asks} ${normal}`)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(height)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(basics.colors ?? ['text'])));
  if (basics.colors && valued) {
    builder.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds));
  }
  if (basics.decimals !== undefined) builder.decimals(basics.decimals);
  if (basics.min !== undefined) builder.min(basics.min);
  if (basics.max !== undefined) builder.max(basics.max);
  if (basics.step !== undefined) builder.interval(basics.step);
  if (nothing !== undefined) builder.noValue(nothing);
  if (valued && (nothing !== undefined || names !== undefined)) builder.mappings(mappings(names, nothing));
  if (link !== undefined) builder.dataLinks([new DashboardLinkBuilder(link.title).url(link.url)]);
  if (runbooks.length > 0) {
    builder.links(
      runbooks.map((alert) => new DashboardLinkBuilder(`Runbook: ${alert}`).url(runbookUrl(alert)).targetBlank(true)),
    );
  }
  for (const [at, { expr, legend }] of queries.entries()) {
    const query = new DataqueryBuilder().refId(refId(at)).datasource(DATASOURCE).expr(expr).format(format);
    query.legendFormat(legend);
    builder.withTarget(kind === 'instant' ? query.instant() : query.range());
  }
  return builder.build();
}

/** A, B, C …: the name of a panel's query. */
function refId(at: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + at);
}

function steps([lowest, ...others]: Colors): Threshold[] {
  return [{ value: null, color: lowest }, ...others.map(([value, color]) => ({ value, color }))];
}

function mappings(names: Basics['names'] = {}, nothing: string | undefined): ValueMapping[] {
  const named: ValueMapping[] =
    Object.keys(names).length === 0 ? [] : [{ type: MappingType.ValueToText, options: { ...names } }];
  if (nothing === undefined) return named;
  const empty = { match: SpecialValueMatch.NullAndNan, result: { text: nothing, color: 'text' } };
  return [...named, { type: MappingType.SpecialValue, options: empty }];
}

function fixed(color: string): DynamicConfigValue {
  return { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: color } };
}
