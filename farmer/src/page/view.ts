import { formatBytes, type Instant, type LogLine } from '@downstream/platform';
import { type Contract, dueAt, PHASES, type Phase } from '../contract/contract.ts';
import type { HistorySpan } from '../status/outcome-history.ts';
import type { RequestSummary } from '../status/request-stats.ts';
import type { DiskStatus, NodeStatus, Status } from '../status/status.ts';
import { duration, relative, stretch } from './format-time.ts';
import { type Html, html } from './html.ts';
import type { OverallStatus } from './overall-status.ts';

/** Everything that the page shows, as it is at one moment. */
export interface View {
  readonly now: Instant;
  readonly status: Status;
  readonly verdict: OverallStatus;
  readonly startedAt: Instant;
  readonly intervalMs: number | undefined;
  readonly lastPassedAt: Instant | undefined;
  readonly spans: readonly HistorySpan[];
  /** Those that fall due next. */
  readonly soonest: readonly Contract[];
  readonly queues: Readonly<Record<'chunks' | 'answers', { readonly waiting: number; readonly running: number }>>;
  readonly workers: { readonly size: number; readonly busy: number };
  /** How asking each node has gone, by alias. */
  readonly requests: ReadonlyMap<string, RequestSummary>;
  /** Oldest first. */
  readonly log: readonly LogLine[];
}

/** The parts of the page that change, by the ids of the elements they fill. */
export type Sections = Readonly<
  Record<'verdict' | 'figures' | 'chart' | 'contracts' | 'storage' | 'node' | 'log', Html>
>;

export function renderSections(view: View): Sections {
  return {
    verdict: verdict(view),
    figures: figures(view),
    chart: chart(view),
    contracts: contracts(view),
    storage: storage(view),
    node: node(view),
    log: log(view),
  };
}

const MARKS = { calm: '✓', busy: '…', worse: '!', bad: '✕' } as const;

function verdict({ verdict: { word, tone, sentence } }: View): Html {
  return html`<div class="verdict ${tone}"><span class="mark" aria-hidden="true">${MARKS[tone]}</span>
<div><p class="word" role="status">${word}</p><p>${sentence}</p></div></div>`;
}

function figures({ status, now, intervalMs, lastPassedAt, soonest: [first] }: View): Html {
  const { challenges, contracts } = status;
  const nextDueAt = first === undefined ? undefined : dueAt(first);
  return html`<dl class="figures">
<div><dt>Next deadline</dt><dd>${countdown(nextDueAt, now, 'none')}</dd></div>
<div><dt>Last pass</dt><dd>${countdown(lastPassedAt, now, 'none yet')}</dd></div>
<div><dt>Passed</dt><dd>${count(challenges.passed)}</dd></div>
<div><dt>Failed</dt><dd class="${challenges.failed > 0 ? 'says-worse' : ''}">${count(challenges.failed)}</dd></div>
<div><dt>Contracts</dt><dd>${count(contracts.total)} <small>of ${count(contracts.capacity)}</small></dd></div>
<div><dt>Interval</dt><dd>${intervalMs === undefined ? 'none' : duration(intervalMs)}</dd></div>
</dl>
<p class="note">Passed and failed since this data directory began.${reasons(challenges.failedByReason)}${ends(status)}</p>`;
}

/** Contracts that the operator did not give back. */
function ends({ nodes }: Status): Html | undefined {
  const total = (reason: 'ended_by_node' | 'token_lost') => nodes.reduce((sum, { ended }) => sum + ended[reason], 0);
  const [byNode, withToken] = [total('ended_by_node'), total('token_lost')];
  if (byNode + withToken === 0) return undefined;
  return html` <strong class="says-worse">Contracts lost since the start: ${count(byNode + withToken)}</strong> (ended by the node ${count(byNode)}, lost with a token ${count(withToken)}).`;
}

function reasons(byReason: Status['challenges']['failedByReason']): string {
  const told = Object.entries(byReason).filter(([, times]) => times > 0);
  return told.length === 0
    ? ''
    : ` Failed by reason: ${told.map(([reason, times]) => `${words(reason)} ${count(times)}`).join(', ')}.`;
}

const CHART = { width: 720, height: 140 } as const;

/** Bars of passes and failures, and below them the least slack of each span against the interval. */
function chart({ spans, intervalMs }: View): Html {
  const most = Math.max(1, ...spans.map(({ passed, failed }) => passed + failed));
  const step = CHART.width / Math.max(1, spans.length);
  const unit = CHART.height / most;
  const bar = (from: number, height: number, at: number, kind: string) =>
    height === 0
      ? undefined
      : html`<rect class="${kind}" x="${round(at * step + step * 0.1)}" y="${round(from)}" width="${round(step * 0.8)}" height="${round(height)}"/>`;
  const bars = spans.flatMap(({ passed, failed }, at) => [
    bar(CHART.height - passed * unit, passed * unit, at, 'passed'),
    bar(CHART.height - (passed + failed) * unit, failed * unit, at, 'failed'),
  ]);
  const passed = spans.reduce((sum, span) => sum + span.passed, 0);
  const failed = spans.reduce((sum, span) => sum + span.failed, 0);
  const [first] = spans;
  const hours = first === undefined ? '' : stretch(spans.length * first.minutes * 60_000);
  return html`<figure>
<figcaption>Challenges of the last ${hours}: <span class="key passed">${count(passed)} passed</span>, <span class="key failed">${count(failed)} failed</span></figcaption>
<div class="plot"><span class="top" aria-hidden="true">${count(most)}</span><svg viewBox="0 0 ${CHART.width} ${CHART.height}" preserveAspectRatio="none" role="img" aria-label="${count(passed)} challenges passed and ${count(failed)} failed in the last ${hours}; most at once: ${most}">
${bars}</svg></div>
</figure>
${slackChart(spans, intervalMs, hours)}
<div class="axis" aria-hidden="true"><span>${hours} ago</span><span>${first === undefined ? '' : `a bar is ${first.minutes} min`}</span><span>now</span></div>
${table(spans)}`;
}

function slackChart(spans: readonly HistorySpan[], intervalMs: number | undefined, hours: string): Html {
  const told = spans.flatMap(({ minSlackMs }) => minSlackMs ?? []);
  const least = told.length === 0 ? undefined : Math.min(...told);
  const top = Math.max(intervalMs ?? 0, ...told, 1);
  const height = 60;
  const step = CHART.width / Math.max(1, spans.length);
  const y = (slackMs: number) => round(height * (1 - Math.max(0, slackMs) / top));
  const marks = spans.map(({ minSlackMs }, at) =>
    minSlackMs === undefined
      ? undefined
      : html`<rect class="${minSlackMs < 0 ? 'failed' : 'slack'}" x="${round(at * step)}" y="${y(minSlackMs) - 2}" width="${round(step)}" height="3"/>`,
  );
  const words = least === undefined ? 'no verdicts yet' : `at least ${duration(least)} left`;
  return html`<figure>
<figcaption>Time left before the deadline: <span class="key slack">${words}</span>${intervalMs === undefined ? '' : ` of ${duration(intervalMs)}`}</figcaption>
<div class="plot"><span class="top" aria-hidden="true">${duration(top)}</span><svg class="low" viewBox="0 -3 ${CHART.width} ${height + 6}" preserveAspectRatio="none" role="img" aria-label="The least time left before a deadline in the last ${hours}: ${words}">
<line class="bound" x1="0" x2="${CHART.width}" y1="${height}" y2="${height}"/>${marks}</svg></div>
</figure>`;
}

/** The chart in words: at most twelve rows. */
function table(spans: readonly HistorySpan[]): Html {
  const size = Math.ceil(spans.length / 12);
  const groups = Array.from({ length: Math.ceil(spans.length / size) }, (_, n) =>
    spans.slice(n * size, (n + 1) * size),
  );
  const rows = groups.map((group) => {
    const slacks = group.flatMap(({ minSlackMs }) => minSlackMs ?? []);
    const passed = group.reduce((sum, span) => sum + span.passed, 0);
    const failed = group.reduce((sum, span) => sum + span.failed, 0);
    return html`<tr><th scope="row">${clock(group[0]?.from ?? 0)}</th><td>${count(passed)}</td><td>${count(failed)}</td><td>${slacks.length === 0 ? '–' : duration(Math.min(...slacks))}</td></tr>`;
  });
  return html`<details id="chart-table"><summary id="chart-table-summary">The same as a table</summary>
<table><thead><tr><th scope="col">from (UTC)</th><th scope="col">passed</th><th scope="col">failed</th><th scope="col">least time left</th></tr></thead>
<tbody>${rows}</tbody></table></details>`;
}

const PHASE_LABELS: Readonly<Record<Phase, string>> = {
  generating: 'making chunk',
  waiting: 'waiting',
  proving: 'proving',
  answering: 'answering',
};

function contracts({ soonest, status, now }: View): Html {
  const { total } = status.contracts;
  const byPhase = PHASES.filter((phase) => status.contracts[phase] > 0).map(
    (phase) => html`<li>${count(status.contracts[phase])} ${PHASE_LABELS[phase]}</li>`,
  );
  if (total === 0) return html`<p>None yet.</p>`;
  const rows = soonest.map(
    (contract) =>
      html`<tr><td><code>${contract.terms.id.slice(0, 10)}</code></td><td>${PHASE_LABELS[contract.phase]}${obstacle(contract)}</td><td>${lastResult(contract)}</td><td>${countdown(dueAt(contract), now)}</td></tr>`,
  );
  return html`<ul class="phases">${byPhase}<li>${formatBytes(status.bytes.used / total)} each</li></ul>
<table><caption>${total > soonest.length ? `The ${soonest.length} that are due next, of ${count(total)}` : 'By deadline'}</caption>
<thead><tr><th scope="col">chunk</th><th scope="col">state</th><th scope="col">last</th><th scope="col">due</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

/** What stands in the way of this round's answer. */
function obstacle({ obstacle: what }: Contract): Html | undefined {
  return what === undefined ? undefined : html`<br><small class="says-worse">${words(what)}</small>`;
}

function lastResult({ last }: Contract): Html {
  if (last === undefined) return html`–`;
  return last === 'passed' ? html`passed` : html`<span class="says-bad">✕ ${words(last)}</span>`;
}

function storage({ status, workers, queues, now }: View): Html {
  const { used, capacity } = status.bytes;
  const { capacityEstimate } = status.contracts;
  return html`<dl class="facts">
<div><dt>Contracts use</dt><dd><meter min="0" max="${capacity}" value="${used}" aria-label="used of what is given"></meter> ${formatBytes(used)} of ${formatBytes(capacity)}</dd></div>
${status.disks.map((disk) => diskFacts(disk, status.disks.length))}
<div><dt>Provable</dt><dd>${capacityEstimate === null ? 'not measured yet' : `about ${count(capacityEstimate)} contracts in time`}</dd></div>
<div><dt>Scrub</dt><dd>${scrub(status, now)}</dd></div>
<div><dt>Workers</dt><dd>${workers.busy} of ${workers.size} busy, ${count(queues.chunks.waiting)} jobs waiting</dd></div>
<div><dt>Answers</dt><dd>${count(queues.answers.running)} under way, ${count(queues.answers.waiting)} waiting</dd></div>
</dl>`;
}

function diskFacts({ path, state, reason, bytes, freeBytes, sizeBytes }: DiskStatus, disks: number): Html {
  const missing = freeBytes === null ? 0 : bytes.capacity - bytes.used - freeBytes;
  const name = disks === 1 ? html`Disk` : html`Disk <code>${path}</code>`;
  const room =
    freeBytes === null || sizeBytes === null
      ? 'can not be read'
      : `${formatBytes(freeBytes)} free of ${formatBytes(sizeBytes)}`;
  return html`<div><dt>${name}</dt><dd>${room}${disks === 1 ? '' : html`<br>${formatBytes(bytes.used)} of ${formatBytes(bytes.capacity)} used`}${
    state === 'ok'
      ? ''
      : html`<br><strong class="says-bad">${state.replace('_', '-')}${reason === null ? '' : `: ${reason}`}</strong>`
  }</dd></div>
${missing > 0 ? html`<div><dt class="says-worse">Too small</dt><dd>${formatBytes(missing)} are missing for what is given: free some, or give less</dd></div>` : ''}`;
}

function scrub({ scrub: { running, completedAt, results } }: Status, now: Instant): Html {
  const bad = results.corrupt + results.unreadable;
  const last =
    completedAt === null ? html`not yet completed` : html`completed ${countdown(Date.parse(completedAt), now)}`;
  return html`${running ? html`running; ` : ''}${last}${bad === 0 ? '' : html`, <span class="says-worse">${count(bad)} bad chunks found</span>`}`;
}

function node({ status, startedAt, requests, now }: View): Html {
  const { nodes, address, version, alias } = status;
  return html`<dl class="facts">
${nodes.map((each) => nodeFacts(each, requests.get(each.alias), now, nodes.length))}
<div><dt>Paid at</dt><dd><code>${address}</code></dd></div>
<div><dt>Farmer</dt><dd>${alias}</dd></div>
<div><dt>Version</dt><dd>${version}</dd></div>
<div><dt>Started</dt><dd>${countdown(startedAt, now)}</dd></div>
</dl>`;
}

/** A clock that is off by less is nobody's concern. */
const MIN_SHOWN_SKEW_SECONDS = 5;

function nodeFacts(at: NodeStatus, requests: RequestSummary | undefined, now: Instant, nodes: number): Html {
  const { farmerId, leaving, clockSkewSeconds: skew, contracts: held } = at;
  const answers = at.reachable
    ? 'answers'
    : html`<strong class="says-bad">${at.circuitOpen ? 'failed again and again, and is left alone for a while' : 'does not answer'}</strong>`;
  return html`<div><dt>Node${nodes === 1 ? '' : html` ${at.alias}`}</dt><dd><code>${at.url}</code><br>${answers}, last heard ${countdown(requests?.answeredAt, now, 'never')}${
    leaving === 'no' ? '' : html`<br>${leaving === 'left' ? 'left' : 'leaving'}, as you wanted it`
  }${nodes === 1 ? '' : html`<br>${count(held.total)} of ${count(held.capacity)} contracts`}</dd></div>
${requests === undefined ? '' : html`<div><dt>Requests</dt><dd>${count(requests.asked)}, of which ${count(requests.failed)} failed${lastFailure(requests, now)}</dd></div>`}
${skew === null || Math.abs(skew) < MIN_SHOWN_SKEW_SECONDS ? '' : html`<div><dt class="says-worse">Clock</dt><dd>the node's is ${duration(Math.abs(skew) * 1000)} ${skew > 0 ? 'ahead' : 'behind'}: one of the two is wrong</dd></div>`}
<div><dt>Token</dt><dd>${farmerId === null ? 'none yet' : html`held, for farmer <code>${farmerId}</code>`}</dd></div>`;
}

function lastFailure({ lastFailure: last }: RequestSummary, now: Instant): Html | undefined {
  if (last === undefined) return undefined;
  return html`<br><small>last: ${words(last.route)}, ${words(last.outcome)}, ${countdown(last.at, now)}</small>`;
}

function log({ log: lines }: View): Html {
  if (lines.length === 0) return html`<p>Nothing yet.</p>`;
  return html`<ol class="log" id="log-lines" tabindex="0" aria-label="The last lines of the log, newest first">${[
    ...lines,
  ]
    .reverse()
    .map(({ level, text }) => html`<li class="${level}">${text}</li>`)}</ol>`;
}

/** A moment as the time until it or since it; the script in the page counts on from here. */
function countdown(at: Instant | undefined, now: Instant, otherwise = ''): Html {
  if (at === undefined) return html`${otherwise}`;
  return html`<time datetime="${new Date(at).toISOString()}" data-at="${Math.round(at)}">${relative(at - now)}</time>`;
}

function clock(at: Instant): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** A label's value, as people write it. */
function words(label: string): string {
  return label.replaceAll('_', ' ');
}

function count(amount: number): string {
  return amount.toLocaleString('en');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
