import { formatBytes } from '@downstream/platform';
import { type Contract, dueAt, PHASES } from '../contract/contract.ts';
import { isRebuilding } from '../farming/repair-counts.ts';
import { formatCoverage } from './coverage.ts';
import { formatCount, formatDuration, formatLabel, formatRelative, formatTimestamp, formatUsed } from './format.ts';
import { formatExcess } from './sections.ts';
import { renderTextChart } from './text-chart.ts';
import { formatTime, renderFarmer, renderNode, renderStorage } from './text-facts.ts';
import { formatFact, formatTable, truncate, wrap } from './text-layout.ts';
import type { View } from './view.ts';

const MAX_CONTRACTS = 10;
const MAX_LOG_LINES = 10;
const ID_LENGTH = 12;
const MAX_ALIAS_LENGTH = 16;

/** Renders the content of the page as text of 80 columns. */
export function renderText(view: View): string {
  const sections = [
    renderOverall(view),
    renderChallenges(view),
    renderContracts(view),
    renderStorage(view),
    ...view.status.nodes.map((node) => renderNode(node, view)),
    renderFarmer(view),
    renderLog(view),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function renderOverall({ status, overall, now }: View): string[] {
  return [
    ...wrap(`${status.alias}, as of ${formatTimestamp(now)} UTC`),
    ...wrap(`${overall.label.toUpperCase()}: ${overall.explanation}`),
  ];
}

function renderChallenges(view: View): string[] {
  const { status, now, intervalMs, lastPassedAt, nextContracts, spans, completeSince } = view;
  const [first] = nextContracts;
  const { passed, failed, failedByReason } = status.challenges;
  const reasons = Object.entries(failedByReason).filter(([, times]) => times > 0);
  const byReason = reasons.map(([reason, times]) => `${formatLabel(reason)} ${formatCount(times)}`).join(', ');
  return [
    'Challenges',
    ...formatFact('Next deadline', formatTime(first && dueAt(first.contract), now, 'none')),
    ...formatFact('Last passed', formatTime(lastPassedAt, now, 'none known')),
    ...formatFact('Passed', formatCount(passed)),
    ...formatFact('Failed', `${formatCount(failed)}${byReason && ` (${byReason})`}`),
    ...formatFact('Counted', formatCoverage(status)),
    ...formatFact('Interval', intervalMs === undefined ? 'none' : formatDuration(intervalMs)),
    ...renderTextChart(spans, now - completeSince),
  ];
}

function renderContracts({ nextContracts, status, now }: View): string[] {
  const { contracts, repairs, nodes } = status;
  const { total } = contracts;
  const sum = (reason: 'ended_by_node' | 'token_lost') => nodes.reduce((count, { ended }) => count + ended[reason], 0);
  const lost = sum('ended_by_node') + sum('token_lost');
  const title = [
    `Contracts (${formatCount(total)}, ${formatUsed(status.bytes)})`,
    ...wrap(formatExcess(status.bytes).trim(), { start: '  ' }).filter(Boolean),
    ...(lost === 0
      ? []
      : formatFact(
          'LOST',
          `${formatCount(lost)} since the farmer started (ended by the node: ${sum('ended_by_node')}, token lost: ${sum('token_lost')})`,
        )),
  ];
  if (total === 0) return [...title, '  No contracts yet.'];
  const counts = {
    rebuilding: repairs.rebuilding,
    ...contracts,
    generating: contracts.generating - repairs.rebuilding,
  };
  const phases = (['rebuilding', ...PHASES] as const)
    .filter((phase) => counts[phase] > 0)
    .map((phase) => `${formatCount(counts[phase])} ${phase}`);
  const shown = nextContracts.slice(0, MAX_CONTRACTS);
  const rows = shown.map(({ contract, node }) => [
    `  ${contract.terms.id.slice(0, ID_LENGTH)}`,
    truncate(node, MAX_ALIAS_LENGTH),
    formatPhase(contract),
    contract.last === undefined ? '–' : formatLabel(contract.last),
    formatRelative(dueAt(contract) - now),
  ]);
  const rest = total - shown.length;
  return [
    ...title,
    ...formatFact('Phases', `${phases.join(', ')}; ${formatBytes(status.bytes.used / total)} per contract on average`),
    ...formatTable(['  contract', 'node', 'phase', 'last result', 'deadline'], rows),
    ...(rest > 0 ? [`  and ${formatCount(rest)} with later deadlines: downstream contracts`] : []),
  ];
}

/** The phase, and what delays the answer. A chunk that existed is rebuilt, not generated. */
function formatPhase(contract: Contract): string {
  const phase = isRebuilding(contract) ? 'rebuilding' : contract.phase;
  return contract.obstacle === undefined ? phase : `${phase} (${formatLabel(contract.obstacle)})`;
}

function renderLog({ log }: View): string[] {
  if (log.length === 0) return ['Log', '  No log lines yet.'];
  const lines = log.slice(-MAX_LOG_LINES);
  return ['Log (UTC)', ...lines.flatMap(({ text }) => wrap(text.trimEnd(), { start: '  ', indent: '    ' }))];
}
