import type { Series } from '../../test/support/prometheus.ts';
import type { Mapping, PanelFile } from '../test/dashboard-file.ts';
import { colorOf, formatTime, formatValue, paletteColor } from './format.ts';

/** A panel's queries with what was found for each, in their order. */
export interface Drawn {
  readonly panel: PanelFile;
  readonly answers: readonly (readonly Series[])[];
  /** What the graphs show, in seconds. */
  readonly range: { readonly start: number; readonly end: number };
  readonly step: number;
}

interface Box {
  readonly width: number;
  readonly height: number;
}

interface Line {
  readonly name: string;
  readonly color: string;
  readonly dashed: boolean;
  readonly points: readonly (readonly [number, number])[];
}

const MUTED = '#8e8e99';
const GRID = '#2a2d33';
const LEGEND_ROW = 17;
const AXIS_WIDTH = 58;
const TIME_HEIGHT = 18;

/** The inside of a panel, without its title, as SVG. */
export function drawPanel(drawn: Drawn, box: Box): string {
  switch (drawn.panel.type) {
    case 'stat':
      return drawStat(drawn, box);
    case 'timeseries':
      return drawGraph(drawn, box);
    case 'heatmap':
      return drawHeatmap(drawn, box);
    case 'state-timeline':
      return drawTimeline(drawn, box);
    case 'table':
      return drawTable(drawn, box);
    default:
      throw new Error(`no drawing of ${drawn.panel.type}`);
  }
}

function drawStat(drawn: Drawn, { width, height }: Box): string {
  const { panel } = drawn;
  const { defaults } = panel.fieldConfig;
  const lines = linesOf(drawn);
  const shown = lines.length === 0 ? [{ name: '', points: [] }] : lines;
  return shown
    .map(({ name, points }, at) => {
      const value = points.at(-1)?.[1] ?? Number.NaN;
      const { label, color } =
        panel.options.textMode === 'name' ? { label: name, color: colorOf('text') } : shownAs(panel, value);
      const x = (width / shown.length) * (at + 0.5);
      const room = width / shown.length - 12;
      const size = Math.min(30, (room / Math.max(label.length, 1)) * 1.45);
      const caption = shown.length > 1 ? text(x, height * 0.82, name, { size: 11, anchor: 'middle' }) : '';
      const y = shown.length > 1 ? height * 0.45 : height * 0.5;
      return (
        text(x, y + size * 0.36, label, { size, color, anchor: 'middle', weight: 600 }) +
        (label === '' && defaults.noValue === undefined ? text(x, y, 'No data', { anchor: 'middle' }) : caption)
      );
    })
    .join('');
}

/** A value as its panel shows it: by name, by unit, in the colour of its threshold. */
function shownAs(panel: PanelFile, value: number): { label: string; color: string } {
  const { unit = 'none', decimals, mappings = [], thresholds, color, noValue = 'No data' } = panel.fieldConfig.defaults;
  const named = mapped(mappings, value);
  if (named) return { label: named.text, color: colorOf(named.color) };
  if (!Number.isFinite(value)) return { label: noValue, color: MUTED };
  const step = thresholds?.steps.findLast((one) => one.value === null || value >= one.value);
  return {
    label: formatValue(value, unit, decimals),
    color: colorOf(color?.mode === 'thresholds' ? (step?.color ?? 'text') : 'text'),
  };
}

function mapped(mappings: readonly Mapping[], value: number) {
  for (const mapping of mappings) {
    if (mapping.type === 'value') {
      const named = mapping.options[String(value)];
      if (named) return named;
    } else if (!Number.isFinite(value)) {
      return mapping.options.result;
    }
  }
  return undefined;
}

/** Every series of every query, with its name and its colour. */
function linesOf({ panel, answers }: Drawn): Line[] {
  const { targets = [], fieldConfig } = panel;
  const lines: Line[] = [];
  for (const [at, target] of targets.entries()) {
    for (const { metric, points } of answers[at] ?? []) {
      const name = target.legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '');
      const overrides = fieldConfig.overrides.filter(
        ({ matcher }) =>
          (matcher.id === 'byName' && matcher.options === name) ||
          (matcher.id === 'byFrameRefID' && matcher.options === target.refId),
      );
      const properties = overrides.flatMap((override) => override.properties);
      const own = properties.find(({ id }) => id === 'color')?.value as { fixedColor: string } | undefined;
      lines.push({
        name,
        color: own ? colorOf(own.fixedColor) : paletteColor(lines.length),
        dashed: properties.some(({ id }) => id === 'custom.lineStyle'),
        points: points.filter(([, value]) => Number.isFinite(value)),
      });
    }
  }
  return lines;
}

function drawGraph(drawn: Drawn, box: Box): string {
  const { panel, range, step } = drawn;
  const { unit = 'none', min, max, custom = {} } = panel.fieldConfig.defaults;
  const lines = linesOf(drawn);
  const isBars = custom['drawStyle'] === 'bars';
  const isStacked = (custom['stacking'] as { mode: string }).mode === 'normal';
  // Gaps up to so many seconds are drawn over.
  const bridged = Math.max(step, Number(custom['spanNulls']) / 1000);
  const legend = drawLegend(lines, box);
  const plot = { width: box.width - AXIS_WIDTH - 8, height: box.height - TIME_HEIGHT - legend.height - 4 };

  // What lies below each point: the sum of the lines before it.
  const below = new Map<number, number>();
  const layers = lines.map((line) => ({
    ...line,
    points: line.points.map(([at, value]) => {
      const base = isStacked ? (below.get(at) ?? 0) : 0;
      below.set(at, base + value);
      return { at, base, top: base + value };
    }),
  }));
  const tops = layers.flatMap(({ points }) => points.map(({ top }) => top));
  const low = min ?? Math.min(0, ...tops);
  const [ticks, high] = ticksOf(low, max ?? Math.max(...tops, low), unit);
  const x = (at: number) => AXIS_WIDTH + ((at - range.start) / (range.end - range.start)) * plot.width;
  const y = (value: number) => 4 + plot.height - ((value - low) / (high - low || 1)) * plot.height;
  const path = (points: readonly (readonly [number, number])[]) =>
    points.map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`).join('');

  const shapes = layers.map(({ color, dashed, points }) => {
    if (isBars) {
      const wide = Math.max(1, (step / (range.end - range.start)) * plot.width * 0.75);
      return points
        .filter(({ base, top }) => top > base)
        .map(
          ({ at, base, top }) =>
            `<rect x="${(x(at) - wide).toFixed(1)}" y="${y(top).toFixed(1)}" width="${wide.toFixed(1)}" height="${(y(base) - y(top)).toFixed(1)}" fill="${color}" opacity="0.85"/>`,
        )
        .join('');
    }
    const opacity = dashed ? 0 : Number(custom['fillOpacity']) / 100;
    const dash = dashed ? ' stroke-dasharray="6 5"' : '';
    return unbroken(points, bridged)
      .map((run) => {
        const [first] = run;
        if (first && run.length === 1) {
          return `<circle cx="${x(first.at).toFixed(1)}" cy="${y(first.top).toFixed(1)}" r="2.5" fill="${color}"/>`;
        }
        const line = path(run.map(({ at, top }) => [x(at), y(top)]));
        const floor = run.toReversed().map(({ at, base }) => [x(at), y(isStacked ? base : low)] as const);
        const area = `${line}${path(floor).replace('M', 'L')}Z`;
        return `<path d="${area}" fill="${color}" opacity="${opacity}"/><path d="${line}" fill="none" stroke="${color}" stroke-width="1.5"${dash}/>`;
      })
      .join('');
  });
  const grid = ticks.map(
    (tick) =>
      `<line x1="${AXIS_WIDTH}" x2="${AXIS_WIDTH + plot.width}" y1="${y(tick)}" y2="${y(tick)}" stroke="${GRID}"/>` +
      text(AXIS_WIDTH - 6, y(tick) + 4, formatValue(tick, unit), { size: 11, anchor: 'end' }),
  );
  const none = tops.length === 0 ? text(box.width / 2, plot.height / 2, 'No data', { anchor: 'middle' }) : '';
  return [...grid, ...shapes, none, drawTimes(range, x, plot.height + TIME_HEIGHT), legend.svg].join('');
}

/** A line's points, apart where a gap is longer than that. */
function unbroken<T extends { at: number }>(points: readonly T[], seconds: number): T[][] {
  const runs: T[][] = [];
  for (const point of points) {
    const last = runs.at(-1)?.at(-1);
    if (last && point.at - last.at <= seconds) runs.at(-1)?.push(point);
    else runs.push([point]);
  }
  return runs;
}

/** Round values for an axis, and where it ends. */
function ticksOf(low: number, high: number, unit: string): [number[], number] {
  const span = high - low || 1;
  const base = unit === 'bytes' ? 2 : 10;
  const power = base ** Math.floor(Math.log(span / 4) / Math.log(base));
  const every = [1, 2, 2.5, 5, 10].map((times) => times * power).find((size) => span / size <= 4.2) ?? span;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / every) * every; tick <= high + every * 0.001; tick += every) ticks.push(tick);
  return [ticks, Math.max(high + (high === ticks.at(-1) ? 0 : span * 0.06), low + span)];
}

function drawTimes({ start, end }: Drawn['range'], x: (at: number) => number, y: number): string {
  const every = [60, 120, 300, 600, 900, 1800, 3600].find((seconds) => (end - start) / seconds <= 7) ?? 7200;
  const times: string[] = [];
  for (let at = Math.ceil(start / every) * every; at <= end; at += every) {
    times.push(text(x(at), y, formatTime(at), { size: 11, anchor: 'middle' }));
  }
  return times.join('');
}

function drawLegend(lines: readonly Line[], { width, height }: Box): { svg: string; height: number } {
  const rows: string[][] = [[]];
  let x = 10;
  for (const { name, color, dashed } of lines) {
    const wide = 26 + name.length * 6.3;
    if (x + wide > width && x > 10) {
      rows.push([]);
      x = 10;
    }
    const mark = `<line x1="${x}" x2="${x + 12}" y1="-4" y2="-4" stroke="${color}" stroke-width="${dashed ? 2 : 4}"${dashed ? ' stroke-dasharray="4 3"' : ''}/>`;
    rows.at(-1)?.push(mark + text(x + 17, 0, name, { size: 11, color: '#b5b5c0' }));
    x += wide + 8;
  }
  const tall = rows.length * LEGEND_ROW + 6;
  const svg = rows.map(
    (marks, at) => `<g transform="translate(0 ${height - tall + 14 + at * LEGEND_ROW})">${marks.join('')}</g>`,
  );
  return { svg: svg.join(''), height: tall };
}

function drawHeatmap(drawn: Drawn, box: Box): string {
  const { panel, answers, range, step } = drawn;
  const bound = ({ metric }: Series) => Number(metric['le']?.replace('+Inf', 'Infinity'));
  const sorted = [...(answers[0] ?? [])].sort((a, b) => bound(a) - bound(b));
  // Prometheus' buckets hold what lower ones hold too.
  const cells = sorted.flatMap((series, row) => {
    const lower = new Map(sorted[row - 1]?.points);
    return series.points.map(([at, value]) => ({ row, at, count: Math.max(0, value - (lower.get(at) ?? 0)) }));
  });
  const most = Math.max(...cells.map(({ count }) => count), 1);
  const plot = { width: box.width - AXIS_WIDTH - 8, height: box.height - TIME_HEIGHT - 30 };
  const x = (at: number) => AXIS_WIDTH + ((at - range.start) / (range.end - range.start)) * plot.width;
  const tall = plot.height / sorted.length;
  const top = (row: number) => 4 + plot.height - (row + 1) * tall;
  const wide = (step / (range.end - range.start)) * plot.width;
  const rects = cells
    .filter(({ count, at }) => count > 1e-9 && at - step >= range.start - step / 2)
    .map(
      ({ row, at, count }) =>
        `<rect x="${(x(at) - wide).toFixed(1)}" y="${top(row).toFixed(1)}" width="${(wide - 1).toFixed(1)}" height="${(tall - 1).toFixed(1)}" fill="${blue(Math.sqrt(count / most))}"/>`,
    );
  const labels = sorted.map((series, row) => {
    const value = bound(series);
    const label = Number.isFinite(value) ? formatValue(value, panel.fieldConfig.defaults.unit ?? 'none') : '+Inf';
    return text(AXIS_WIDTH - 6, top(row) + tall / 2 + 4, label, { size: 10, anchor: 'end' });
  });
  const shades = Array.from(
    { length: 20 },
    (_, at) => `<rect x="${AXIS_WIDTH + at * 8}" y="${box.height - 16}" width="8" height="8" fill="${blue(at / 19)}"/>`,
  );
  const scale =
    text(AXIS_WIDTH - 6, box.height - 8, '0', { size: 11, anchor: 'end' }) +
    text(AXIS_WIDTH + 168, box.height - 8, `${Math.round(most)} challenges`, { size: 11 });
  return [...rects, ...labels, ...shades, scale, drawTimes(range, x, plot.height + TIME_HEIGHT)].join('');
}

/** From nearly the background to nearly white. */
function blue(share: number): string {
  return `hsl(212 ${Math.round(60 + 30 * share)}% ${Math.round(16 + 62 * share)}%)`;
}

function drawTimeline(drawn: Drawn, box: Box): string {
  const { panel, range, step } = drawn;
  const lines = linesOf(drawn);
  const named = (panel.fieldConfig.defaults.mappings ?? []).flatMap((mapping) =>
    mapping.type === 'value' ? Object.values(mapping.options) : [],
  );
  const states = named.map(({ text: name, color }) => ({ name, color: colorOf(color), dashed: false, points: [] }));
  const legend = drawLegend(states, box);
  const names = 130;
  const x = (at: number) => names + ((at - range.start) / (range.end - range.start)) * (box.width - names - 8);
  const tall = (box.height - TIME_HEIGHT - legend.height) / Math.max(lines.length, 1);
  const bars = lines.map(({ name, points }, row) => {
    const changes = points.filter(([, value], at) => at === 0 || value !== points[at - 1]?.[1]);
    const rects = changes.map(([at, value], state) => {
      const { color } = shownAs(panel, value);
      const until = changes[state + 1]?.[0] ?? (points.at(-1)?.[0] ?? at) + step;
      const right = Math.min(x(until), box.width - 8);
      return `<rect x="${x(at).toFixed(1)}" y="${row * tall + tall * 0.1}" width="${(right - x(at)).toFixed(1)}" height="${tall * 0.8}" fill="${color}"/>`;
    });
    return text(names - 8, row * tall + tall / 2 + 4, name, { size: 11, anchor: 'end' }) + rects.join('');
  });
  return [...bars, drawTimes(range, x, box.height - legend.height - 4), legend.svg].join('');
}

function drawTable({ panel, answers }: Drawn, { width, height }: Box): string {
  const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options as {
    renameByName: Record<string, string>;
  };
  const columns = Object.entries(organize.renameByName);
  const rows = new Map<string, Record<string, string | number>>();
  for (const [at, found] of answers.entries()) {
    for (const { metric, points } of found) {
      const key = answers.length === 1 ? JSON.stringify(metric) : `${metric['job']} ${metric['instance']}`;
      const value = {
        [answers.length === 1 ? 'Value' : `Value #${String.fromCharCode(65 + at)}`]: points.at(-1)?.[1] ?? 0,
      };
      rows.set(key, { ...rows.get(key), ...metric, ...value });
    }
  }
  if (rows.size === 0) {
    return text(width / 2, height / 2, panel.fieldConfig.defaults.noValue ?? 'No data', { anchor: 'middle', size: 13 });
  }
  const cells = [...rows.values()].map((row) => columns.map(([field, title]) => cell(panel, title, row[field])));
  // As wide as their longest text, and what is over shared among them.
  const needed = columns.map(([, title], at) =>
    Math.max(title.length, ...cells.map((row) => row[at]?.label.length ?? 0)),
  );
  const all = needed.reduce((sum, length) => sum + length, 0);
  const lefts = needed.map((_, at) => needed.slice(0, at).reduce((sum, length) => sum + length, 0) * (width / all) + 8);
  const size = Math.min(12, (width / all - 0.3) * 1.55);
  const head = columns.map(([, title], at) => text(lefts[at] ?? 0, 14, title, { size, color: '#6e9fff' }));
  const body = cells.flatMap((row, at) =>
    row.map(({ label, color }, column) => text(lefts[column] ?? 0, 40 + at * 24, label, { size, color })),
  );
  return [...head, `<line x1="0" x2="${width}" y1="22" y2="22" stroke="${GRID}"/>`, ...body].join('');
}

/** A cell as its column's overrides show it. */
function cell(panel: PanelFile, title: string, value: string | number | undefined): { label: string; color: string } {
  const properties = panel.fieldConfig.overrides.find(({ matcher }) => matcher.options === title)?.properties ?? [];
  const own = Object.fromEntries(properties.map(({ id, value: set }) => [id, set]));
  if (typeof value === 'string') {
    const [mapping] = (own['mappings'] ?? []) as Mapping[];
    const named = mapping?.type === 'value' ? mapping.options[value] : undefined;
    return { label: value, color: colorOf(named?.color ?? 'text') };
  }
  const defaults = {
    ...panel.fieldConfig.defaults,
    ...own,
    ...(own['thresholds'] ? { color: { mode: 'thresholds' } } : {}),
  };
  return shownAs({ ...panel, fieldConfig: { ...panel.fieldConfig, defaults } }, value ?? Number.NaN);
}

interface TextStyle {
  readonly size?: number;
  readonly color?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly weight?: number;
}

function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 12, color = MUTED, anchor = 'start', weight = 400 } = style;
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size.toFixed(1)}" fill="${color}" text-anchor="${anchor}" font-weight="${weight}">${escaped}</text>`;
}
