import type { Prometheus } from '../../test/support/prometheus.ts';
import { type DashboardFile, type PanelFile, replaced } from '../test/dashboard-file.ts';
import { drawPanel } from './draw.ts';

export const WIDTH = 1440;
const COLUMN = (WIDTH - 16) / 24;
const ROW = 28;
const GAP = 7;
const HEAD = 76;
const TITLE = 26;

interface Shown {
  readonly dashboard: DashboardFile;
  readonly prometheus: Prometheus;
  readonly job: string;
  /** In seconds. */
  readonly range: { readonly start: number; readonly end: number };
  readonly scrapeSeconds: number;
}

/** A dashboard as one picture in SVG: its own queries, asked now, in its own places. */
export async function page(shown: Shown): Promise<{ svg: string; height: number }> {
  const { dashboard, range } = shown;
  const panels = await Promise.all(dashboard.panels.map(async (panel) => await drawn(panel, shown)));
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const height = HEAD + bottom * ROW + 14;
  const time = (seconds: number) => new Date(seconds * 1000).toISOString().slice(11, 16);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="Inter, 'DejaVu Sans', sans-serif">
<rect width="100%" height="100%" fill="#111217"/>
<text x="16" y="34" font-size="21" fill="#e6e6ee" font-weight="600">Downstream / ${dashboard.title}</text>
<text x="${WIDTH - 16}" y="34" font-size="13" fill="#ccccdc" text-anchor="end">${time(range.start)} to ${time(range.end)}, job ${shown.job}, instance All</text>
<text x="16" y="58" font-size="13" fill="#ffcb7d">Drawn from the dashboard's own queries and layout, not by Grafana. A real farmer and a real mock node ran in one process; the node went away for a while, chunks were spoiled, then the node was slow.</text>
<g transform="translate(8 ${HEAD})">${panels.join('')}</g>
</svg>`;
  return { svg, height };
}

async function drawn(panel: PanelFile, shown: Shown): Promise<string> {
  const { x, y, w, h } = panel.gridPos;
  const place = `transform="translate(${x * COLUMN} ${y * ROW})"`;
  if (panel.type === 'row') {
    return `<g ${place}><text x="6" y="22" font-size="15" fill="#ccccdc" font-weight="600">⌄ ${panel.title}</text></g>`;
  }
  const { prometheus, range, scrapeSeconds: scrape, job } = shown;
  const step = Math.max(secondsOf(panel.interval), scrape);
  // As Grafana reckons them.
  const rateInterval = `${Math.max(step + scrape, 4 * scrape)}s`;
  const seconds = Math.round(range.end - range.start);
  const first = Math.ceil(range.start / step) * step;
  const answers = await Promise.all(
    (panel.targets ?? []).map(async ({ expr, instant }) => {
      const query = replaced(expr, { job, stepSeconds: step, rateInterval, range: `${seconds}s` });
      return instant
        ? await prometheus.query(query, range.end)
        : await prometheus.queryRange(query, { start: first, end: range.end, step });
    }),
  );
  const width = w * COLUMN - GAP;
  const height = h * ROW - GAP;
  const inside = drawPanel({ panel, answers, range, step }, { width, height: height - TITLE });
  return `<g ${place}><rect width="${width}" height="${height}" rx="3" fill="#181b1f" stroke="#24262c"/><text x="9" y="18" font-size="12.5" fill="#d5d5df" font-weight="600">${panel.title}</text><g transform="translate(0 ${TITLE})">${inside}</g></g>`;
}

/** `5m` and `30s` in seconds. */
function secondsOf(interval = '0s'): number {
  return Number.parseInt(interval, 10) * (interval.endsWith('m') ? 60 : 1);
}
