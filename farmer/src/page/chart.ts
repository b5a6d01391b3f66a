import type { HistorySpan } from '../status/outcome-history.ts';
import { formatClockTime, formatCount, formatDuration, formatRoughDuration } from './format.ts';
import { type Html, html } from './html.ts';
import type { View } from './view.ts';

const CHART = { width: 720, height: 140 } as const;
const SLACK_CHART_HEIGHT = 60;
const MAX_TABLE_ROWS = 12;

/** Renders passed and failed challenges as bars, the minimum slack of each span below, and both as a table. */
export function renderChart({ spans, intervalMs, completeSince, now }: View): Html {
  const maxCount = Math.max(1, ...spans.map(({ passed, failed }) => passed + failed));
  const step = CHART.width / Math.max(1, spans.length);
  const unit = CHART.height / maxCount;
  const renderBar = (y: number, height: number, at: number, kind: string) =>
    height === 0
      ? undefined
      : html`<rect class="${kind}" x="${round(at * step + step * 0.1)}" y="${round(y)}" width="${round(step * 0.8)}" height="${round(height)}"/>`;
  const bars = spans.flatMap(({ passed, failed }, at) => [
    renderBar(CHART.height - passed * unit, passed * unit, at, 'passed'),
    renderBar(CHART.height - (passed + failed) * unit, failed * unit, at, 'failed'),
  ]);
  const { passed, failed } = summarize(spans);
  const [first] = spans;
  const chartMs = spans.length * (first?.minutes ?? 0) * 60_000;
  const period = formatRoughDuration(Math.min(chartMs, now - completeSince));
  const knownFrom = first === undefined ? 0 : Math.max(0, (completeSince - first.from) / (first.minutes * 60_000));
  const missing =
    knownFrom < 1
      ? undefined
      : html`<rect class="missing" x="0" y="0" width="${round(Math.min(knownFrom, spans.length) * step)}" height="${CHART.height}"/>`;
  const note = missing === undefined ? '' : `; no results from before ${formatClockTime(completeSince)} UTC`;
  return html`<figure>
<figcaption>Challenges in the last ${period}: <span class="key passed">${formatCount(passed)} passed</span>, <span class="key failed">${formatCount(failed)} failed</span>${note}</figcaption>
<div class="plot"><span class="top" aria-hidden="true">${passed + failed === 0 ? '' : formatCount(maxCount)}</span><svg viewBox="0 0 ${CHART.width} ${CHART.height}" preserveAspectRatio="none" role="img" aria-label="${formatCount(passed)} challenges passed and ${formatCount(failed)} failed in the last ${period}${note}; highest bar: ${maxCount}">
${missing}${bars}</svg></div>
</figure>
${renderSlackChart(spans, intervalMs, period)}
<div class="axis" aria-hidden="true"><span>${formatRoughDuration(chartMs)} ago</span><span>${first === undefined ? '' : `one bar: ${first.minutes} min`}</span><span>now</span></div>
${renderTable(spans)}`;
}

function renderSlackChart(spans: readonly HistorySpan[], intervalMs: number | undefined, period: string): Html {
  const { minSlackMs } = summarize(spans);
  const maxMs = Math.max(intervalMs ?? 0, ...spans.map((span) => span.minSlackMs ?? 0), 1);
  const step = CHART.width / Math.max(1, spans.length);
  const toY = (slackMs: number) => round(SLACK_CHART_HEIGHT * (1 - Math.max(0, slackMs) / maxMs));
  const marks = spans.map((span, at) =>
    span.minSlackMs === undefined
      ? undefined
      : html`<rect class="${span.minSlackMs < 0 ? 'failed' : 'slack'}" x="${round(at * step)}" y="${toY(span.minSlackMs) - 2}" width="${round(step)}" height="3"/>`,
  );
  const minimum = minSlackMs === undefined ? 'no data yet' : `minimum ${formatDuration(minSlackMs)}`;
  return html`<figure>
<figcaption>Time left before the deadline: <span class="key slack">${minimum}</span>${intervalMs === undefined ? '' : ` of ${formatDuration(intervalMs)}`}</figcaption>
<div class="plot"><span class="top" aria-hidden="true">${minSlackMs === undefined ? '' : formatDuration(maxMs)}</span><svg class="low" viewBox="0 -3 ${CHART.width} ${SLACK_CHART_HEIGHT + 6}" preserveAspectRatio="none" role="img" aria-label="Time left before the deadline in the last ${period}: ${minimum}">
<line class="bound" x1="0" x2="${CHART.width}" y1="${SLACK_CHART_HEIGHT}" y2="${SLACK_CHART_HEIGHT}"/>${marks}</svg></div>
</figure>`;
}

function renderTable(spans: readonly HistorySpan[]): Html {
  const size = Math.ceil(spans.length / MAX_TABLE_ROWS);
  const groups = Array.from({ length: Math.ceil(spans.length / size) }, (_, n) =>
    spans.slice(n * size, (n + 1) * size),
  );
  const rows = groups.map((group) => {
    const { passed, failed, minSlackMs } = summarize(group);
    return html`<tr><th scope="row">${formatClockTime(group[0]?.from ?? 0)}</th><td>${formatCount(passed)}</td><td>${formatCount(failed)}</td><td>${minSlackMs === undefined ? '–' : formatDuration(minSlackMs)}</td></tr>`;
  });
  return html`<details id="chart-table"><summary id="chart-table-summary">Show as a table</summary>
<table><thead><tr><th scope="col">from (UTC)</th><th scope="col">passed</th><th scope="col">failed</th><th scope="col">minimum time left</th></tr></thead>
<tbody>${rows}</tbody></table></details>`;
}

function summarize(spans: readonly HistorySpan[]): Pick<HistorySpan, 'passed' | 'failed' | 'minSlackMs'> {
  const slacks = spans.flatMap(({ minSlackMs }) => minSlackMs ?? []);
  return {
    passed: spans.reduce((sum, { passed }) => sum + passed, 0),
    failed: spans.reduce((sum, { failed }) => sum + failed, 0),
    minSlackMs: slacks.length === 0 ? undefined : Math.min(...slacks),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
