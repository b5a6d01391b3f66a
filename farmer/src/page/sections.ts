import { formatBuild, formatBytes, type Instant } from '@downstream/platform';
import { dueAt, PHASES } from '../contract/contract.ts';
import type { RequestSummary } from '../status/request-stats.ts';
import type { DiskStatus, NodeStatus, Status } from '../status/status.ts';
import { renderChart } from './chart.ts';
import { renderId, renderLastResult, renderPhase } from './contract-cells.ts';
import { formatCoverage } from './coverage.ts';
import { formatCount, formatDuration, formatLabel, formatRelative, formatUsed } from './format.ts';
import { type Html, html } from './html.ts';
import type { View } from './view.ts';

/** The parts of the page that change, by the ids of their elements. */
export type Sections = Readonly<
  Record<'overall' | 'figures' | 'chart' | 'contracts' | 'storage' | 'node' | 'log', Html>
>;

export function renderSections(view: View): Sections {
  return {
    overall: renderOverall(view),
    figures: renderFigures(view),
    chart: renderChart(view),
    contracts: renderContracts(view),
    storage: renderStorage(view),
    node: renderNodes(view),
    log: renderLog(view),
  };
}

const ICONS = { ok: '✓', info: '…', warning: '!', critical: '✕' } as const;

function renderOverall({ overall: { label, severity, explanation } }: View): Html {
  return html`<div class="overall ${severity}"><span class="icon" aria-hidden="true">${ICONS[severity]}</span>
<div><p class="label" role="status">${label}</p><p>${explanation}</p></div></div>`;
}

function renderFigures({ status, now, intervalMs, lastPassedAt, nextContracts: [first] }: View): Html {
  const { challenges, contracts } = status;
  return html`<dl class="figures">
<div><dt>Next deadline</dt><dd>${renderTime(first && dueAt(first.contract), now, 'none')}</dd></div>
<div><dt>Last passed</dt><dd>${renderTime(lastPassedAt, now, 'none known')}</dd></div>
<div><dt>Passed</dt><dd>${formatCount(challenges.passed)}</dd></div>
<div><dt>Failed</dt><dd class="${challenges.failed > 0 ? 'warning-text' : ''}">${formatCount(challenges.failed)}</dd></div>
<div><dt>Contracts</dt><dd>${formatCount(contracts.total)} <small>${formatUsed(status.bytes)}</small></dd></div>
<div><dt>Interval</dt><dd>${intervalMs === undefined ? 'none' : formatDuration(intervalMs)}</dd></div>
</dl>
<p class="note">Passed and failed: ${formatCoverage(status)}.${formatReasons(challenges.failedByReason)}${formatExcess(status.bytes)}${renderLostContracts(status)}</p>`;
}

function formatReasons(byReason: Status['challenges']['failedByReason']): string {
  const reasons = Object.entries(byReason).filter(([, times]) => times > 0);
  return reasons.length === 0
    ? ''
    : ` Failed by reason: ${reasons.map(([reason, times]) => `${formatLabel(reason)} ${formatCount(times)}`).join(', ')}.`;
}

/** Why the contracts use more than the capacity; empty if they do not. */
export function formatExcess({ used, capacity }: Status['bytes']): string {
  return used > capacity
    ? ` The contracts use ${formatBytes(used)}, more than the capacity of ${formatBytes(capacity)}, which was larger before: all are kept and proved, and none is accepted until they use less.`
    : '';
}

function renderLostContracts({ nodes }: Status): Html | undefined {
  const sum = (reason: 'ended_by_node' | 'token_lost') => nodes.reduce((total, { ended }) => total + ended[reason], 0);
  const [byNode, tokenLost] = [sum('ended_by_node'), sum('token_lost')];
  if (byNode + tokenLost === 0) return undefined;
  return html` <strong class="warning-text">Contracts lost since the farmer started: ${formatCount(byNode + tokenLost)}</strong> (ended by the node: ${formatCount(byNode)}, token lost: ${formatCount(tokenLost)}).`;
}

function renderContracts({ nextContracts, status, now }: View): Html {
  const { total } = status.contracts;
  if (total === 0) return html`<p>No contracts yet.</p>`;
  const { rebuilding } = status.repairs;
  const phases = { rebuilding, ...status.contracts, generating: status.contracts.generating - rebuilding };
  const byPhase = (['rebuilding', ...PHASES] as const)
    .filter((phase) => phases[phase] > 0)
    .map((phase) => html`<li>${formatCount(phases[phase])} ${phase}</li>`);
  const rows = nextContracts.map(
    ({ contract, node }) =>
      html`<tr><td>${renderId(contract)}</td><td class="name">${node}</td><td>${renderPhase(contract)}</td><td>${renderLastResult(contract)}</td><td>${renderTime(dueAt(contract), now)}</td></tr>`,
  );
  const shown = total > rows.length ? `Next ${rows.length} of ${formatCount(total)}, by deadline` : 'By deadline';
  return html`<ul class="phases">${byPhase}<li>${formatBytes(status.bytes.used / total)} per contract on average</li></ul>
<div class="scroll" id="contract-table" tabindex="0" role="region" aria-label="Contracts by deadline"><table><caption>${shown} · <a id="all-contracts" href="contracts">all contracts</a></caption>
<thead><tr><th scope="col">contract</th><th scope="col">node</th><th scope="col">phase</th><th scope="col">last result</th><th scope="col">deadline</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function renderStorage({ status, workers, queues, now }: View): Html {
  const { used, capacity } = status.bytes;
  const { capacityEstimate } = status.contracts;
  return html`<dl class="facts">
<div><dt>Capacity used</dt><dd><meter min="0" max="${capacity}" value="${used}" aria-label="capacity used"></meter> ${formatUsed(status.bytes)}</dd></div>
${status.disks.map((disk) => renderDisk(disk, { disks: status.disks.length, now }))}
<div><dt>Throughput</dt><dd>${capacityEstimate === null ? 'not measured yet' : `enough for about ${formatCount(capacityEstimate)} contracts`}</dd></div>
<div><dt>Scrub</dt><dd>${renderScrub(status, now)}</dd></div>
<div><dt>Repairs</dt><dd>${renderRepairs(status)}</dd></div>
<div><dt>Workers</dt><dd>${workers.busy} of ${workers.size} busy, ${formatCount(queues.chunks.waiting)} queued</dd></div>
<div><dt>Answers</dt><dd>${formatCount(queues.answers.running)} in progress, ${formatCount(queues.answers.waiting)} queued</dd></div>
</dl>`;
}

function renderDisk(
  { path, state, reason, since, bytes, freeBytes, sizeBytes }: DiskStatus,
  { disks, now }: { disks: number; now: Instant },
): Html {
  const missing = freeBytes === null ? 0 : bytes.capacity - bytes.used - freeBytes;
  const name = disks === 1 ? '' : html`<code>${path}</code><br>`;
  const space =
    freeBytes === null || sizeBytes === null
      ? 'free space unknown'
      : `${formatBytes(freeBytes)} free of ${formatBytes(sizeBytes)}`;
  const problem =
    state === 'ok'
      ? ''
      : html`<br><strong class="critical-text">${formatLabel(state)}${reason === null ? '' : `: ${reason}`}</strong>, began ${renderTime(since === null ? undefined : Date.parse(since), now)}`;
  return html`<div><dt>Disk</dt><dd>${name}${space}${disks === 1 ? '' : html`<br>${formatUsed(bytes)} used`}${problem}</dd></div>
${missing > 0 ? html`<div><dt class="warning-text">Disk too small</dt><dd>${formatBytes(missing)} less free space than the remaining capacity: free space, or reduce the capacity</dd></div>` : ''}`;
}

function renderScrub({ scrub: { running, completedAt, results } }: Status, now: Instant): Html {
  const damaged = results.corrupt + results.unreadable;
  const last =
    completedAt === null ? html`not completed yet` : html`completed ${renderTime(Date.parse(completedAt), now)}`;
  return html`${running ? html`running; ` : ''}${last}${damaged === 0 ? '' : html`, <span class="warning-text">${formatCount(damaged)} damaged chunks found</span>`}`;
}

/** Chunks that a proof, the scrub, the start or a failed disk found missing or damaged. */
function renderRepairs({ repairs: { lost, rebuilt, rebuilding } }: Status): Html {
  if (lost + rebuilding === 0) return html`none needed since the start`;
  const now =
    rebuilding === 0 ? '' : html`, <strong class="warning-text">${formatCount(rebuilding)} being rebuilt</strong>`;
  return html`since the start: ${formatCount(lost)} ${lost === 1 ? 'chunk' : 'chunks'} lost, ${formatCount(rebuilt)} rebuilt${now}`;
}

function renderNodes({ status, startedAt, requests, now }: View): Html {
  const { nodes, address, alias } = status;
  return html`<dl class="facts">
${nodes.map((node) => renderNode(node, { requests: requests.get(node.alias), isOnly: nodes.length === 1, now }))}
<div><dt>Payout address</dt><dd><code>${address}</code></dd></div>
<div><dt>Name</dt><dd>${alias}</dd></div>
<div><dt>Version</dt><dd>${formatBuild(status)}</dd></div>
<div><dt>Started</dt><dd>${renderTime(startedAt, now)}</dd></div>
</dl>`;
}

/** A smaller clock skew has no effect. */
const MIN_SHOWN_SKEW_SECONDS = 5;

const EXIT_LABELS = { active: '', exiting: 'exiting', exited: 'exited' } as const;

function renderNode(
  node: NodeStatus,
  { requests, isOnly, now }: { requests: RequestSummary | undefined; isOnly: boolean; now: Instant },
): Html {
  const { farmerId, exitState, clockSkewSeconds: skew, contracts, bytes, waiting } = node;
  return html`<div><dt>Node</dt><dd>${isOnly ? '' : html`<strong>${node.alias}</strong><br>`}<code>${node.url}</code><br>${renderConnection(node, now)}, last response ${renderTime(requests?.lastResponseAt, now, 'never')}${
    exitState === 'active' ? '' : html`<br>${EXIT_LABELS[exitState]}`
  }${isOnly ? '' : html`<br>${formatCount(contracts.total)} contracts, ${formatUsed(bytes)}`}</dd></div>
${waiting === null ? '' : html`<div><dt>No new contracts</dt><dd>${waiting.explanation}</dd></div>`}
${requests === undefined ? '' : html`<div><dt>Requests since the start</dt><dd>${formatCount(requests.total)}, ${formatCount(requests.failed)} failed${renderLastFailure(requests, now)}</dd></div>`}
${skew === null || Math.abs(skew) < MIN_SHOWN_SKEW_SECONDS ? '' : html`<div><dt class="warning-text">Clock</dt><dd>the node's clock is ${formatDuration(Math.abs(skew) * 1000)} ${skew > 0 ? 'ahead' : 'behind'}: check both clocks</dd></div>`}
<div><dt>Farmer ID</dt><dd>${farmerId === null ? 'no token yet' : html`<code>${farmerId}</code>`}</dd></div>`;
}

function renderConnection({ reachable, problem, circuitOpen, exitState }: NodeStatus, now: Instant): Html {
  if (exitState === 'exited') return html`no longer used`;
  if (problem === null) return html`${reachable ? 'responding' : 'connecting'}`;
  const label = reachable ? 'responding with errors' : 'not responding';
  const pause = circuitOpen ? ', circuit breaker open' : '';
  return html`<strong class="critical-text">${label} (${formatLabel(problem.code)}${pause})</strong>, began ${renderTime(Date.parse(problem.since), now)}`;
}

function renderLastFailure({ lastFailure: last }: RequestSummary, now: Instant): Html | undefined {
  if (last === undefined) return undefined;
  return html`<br><small>last failure: ${formatLabel(last.route)}, ${formatLabel(last.outcome)}, ${renderTime(last.at, now)}</small>`;
}

function renderLog({ log: lines }: View): Html {
  if (lines.length === 0) return html`<p>No log lines yet.</p>`;
  const items = lines.toReversed().map(({ level, text }) => html`<li class="${level}">${text}</li>`);
  return html`<ol class="log" id="log-lines" tabindex="0" aria-label="Last log lines, newest first">${items}</ol>`;
}

/** Renders an instant relative to now; the page's script keeps it up to date. */
function renderTime(at: Instant | undefined, now: Instant, otherwise = ''): Html {
  if (at === undefined) return html`${otherwise}`;
  return html`<time datetime="${new Date(at).toISOString()}" data-at="${Math.round(at)}">${formatRelative(at - now)}</time>`;
}
