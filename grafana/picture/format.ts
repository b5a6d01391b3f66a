/** Values as text, and colours by name, as Grafana has them; only what these dashboards use. */

const COLORS: Readonly<Record<string, string>> = {
  text: '#ccccdc',
  green: '#73bf69',
  yellow: '#fade2a',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#5794f2',
  purple: '#b877d9',
  'dark-red': '#c4162a',
  'dark-purple': '#8f3bb8',
};

/** For series without a colour of their own, in turn. */
const PALETTE = ['#73bf69', '#f2cc0c', '#8ab8ff', '#ff780a', '#f2495c', '#5794f2', '#b877d9', '#96d98d', '#ffcb7d'];

export function colorOf(name: string): string {
  const color = COLORS[name];
  if (color === undefined) throw new Error(`no colour ${name}`);
  return color;
}

export function paletteColor(at: number): string {
  return PALETTE[at % PALETTE.length] ?? '';
}

const SCALES: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  s: [
    [1e-6, ' µs'],
    [1e-3, ' ms'],
    [1, ' s'],
    [60, ' min'],
    [3600, ' h'],
    [86_400, ' d'],
  ],
  bytes: [
    [1, ' B'],
    [2 ** 10, ' KiB'],
    [2 ** 20, ' MiB'],
    [2 ** 30, ' GiB'],
    [2 ** 40, ' TiB'],
  ],
  short: [
    [1, ''],
    [1e3, ' K'],
    [1e6, ' Mil'],
  ],
  reqps: [[1, ' req/s']],
  percentunit: [[0.01, '%']],
  none: [[1, '']],
};

/** @param decimals as many as are needed for three figures, without */
export function formatValue(value: number, unit: string, decimals?: number): string {
  const scales = SCALES[unit];
  if (scales === undefined) throw new Error(`no unit ${unit}`);
  const size = Math.abs(value);
  const lowest = scales[0] ?? [1, ''];
  const unscaled = scales.find(([factor]) => factor === 1) ?? lowest;
  const [factor, suffix] = size === 0 ? unscaled : (scales.findLast(([least]) => size >= least) ?? lowest);
  const scaled = value / factor;
  // A duration of minutes or more keeps a figure behind the point, whatever is asked for seconds.
  const places = decimals === undefined || factor > 1 ? Math.max(decimals ?? 0, needed(scaled)) : decimals;
  return `${Number(scaled.toFixed(places))}${suffix}`;
}

function needed(value: number): number {
  const size = Math.abs(value);
  if (size === 0 || size >= 100) return 0;
  return size >= 10 ? 1 : 2;
}

export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}
