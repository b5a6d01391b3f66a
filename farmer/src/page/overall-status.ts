import type { Instant } from '@downstream/platform';
import type { DiskStateKind } from '../chunks/disk-state.ts';
import type { FailureReason } from '../contract/contract.ts';
import type { WindowTotals } from '../status/outcome-history.ts';
import type { OverallStatus } from './condition.ts';
import { formatRoughDuration } from './format.ts';
import { checkAllNodes, checkEachNode, checkExit, checkTokens, type NodesEvidence } from './node-conditions.ts';

interface DiskEvidence {
  readonly path: string;
  readonly state: DiskStateKind;
  readonly reason: string;
  /** For people. */
  readonly since: string;
}

/** Input of {@link assessStatus}. */
export interface StatusEvidence extends NodesEvidence {
  /** Whether the last write to the state succeeded. */
  readonly stateSaved: boolean;
  /** Disks that are not `ok`. */
  readonly failedDisks: readonly DiskEvidence[];
  /** The number of disks that are not quarantined. */
  readonly usableDisks: number;
  readonly contracts: { readonly total: number; readonly generating: number };
  /** The shortest interval of any contract; undefined without contracts. */
  readonly intervalMs: number | undefined;
  readonly lastPassedAt: Instant | undefined;
  readonly lastFailedAt: Instant | undefined;
  readonly recent: WindowTotals;
  /** The period of `recent`: {@link computeWindowMs}, or less if older results are missing. */
  readonly recentMs: number;
}

const NAMES = new Intl.ListFormat('en');
const INTERVALS = 3;
const MIN_WINDOW_MS = 10 * 60_000;
const MAX_WINDOW_MS = 12 * 3_600_000;

/** The period that the status should cover: three intervals, but at least ten minutes and at most twelve hours. */
export function computeWindowMs(intervalMs: number | undefined): number {
  return Math.min(MAX_WINDOW_MS, Math.max(MIN_WINDOW_MS, INTERVALS * (intervalMs ?? 0)));
}

/** Cause and remedy of failed challenges. */
const CAUSES: Readonly<Record<FailureReason, string>> = {
  wrong_answer: 'the node rejected answers computed from intact chunks. Report this to its operator.',
  late: 'answers reached the node after the deadline. Check the disk and queued work below, and the network.',
  missed:
    'no answer was sent in time, because the farmer was stopped or too slow. Check for restarts, and for queued work below.',
  not_challenged: 'the node responded but listed no challenge. Ask its operator whether it issues challenges.',
  chunk_unreadable:
    'chunks or their tags were missing or corrupt when an answer was due. Check the disks and their free space and capacity below.',
  node_error:
    'the node was unreachable, responded with errors or did not acknowledge answers. Check the network, then the node.',
};

/** Returns the first condition that applies; conditions that explain others come first. */
export function assessStatus(evidence: StatusEvidence): OverallStatus {
  return (
    checkTokens(evidence) ??
    checkAllNodes(evidence) ??
    checkExit(evidence) ??
    checkEachNode(evidence) ??
    checkDisks(evidence) ??
    checkChallenges(evidence)
  );
}

function formatDisks(disks: readonly DiskEvidence[]): string {
  return NAMES.format(disks.map(({ path, reason, since }) => `${path} (${reason}, ${since})`));
}

function checkDisks(evidence: StatusEvidence): OverallStatus | undefined {
  const { failedDisks, usableDisks, stateSaved, recent, contracts } = evidence;
  const quarantined = failedDisks.filter(({ state }) => state === 'quarantined');
  const readOnly = failedDisks.filter(({ state }) => state === 'read_only');
  const failedShare = recent.failed > 0 ? ` ${formatFailedShare(evidence)}.` : '';
  if (quarantined.length > 0) {
    const missing = `${contracts.generating} ${contracts.generating === 1 ? 'chunk is' : 'chunks are'} missing`;
    const effect =
      usableDisks === 0
        ? 'No other disk can be used: challenges fail until it works again.'
        : contracts.generating === 0
          ? 'No chunk is missing.'
          : `${missing}; they are rebuilt on other disks while those have space and capacity.`;
    return {
      label: 'Disk degraded',
      severity: recent.failed > 0 || usableDisks === 0 ? 'critical' : 'warning',
      explanation: `Cannot be used: ${formatDisks(quarantined)}. ${effect} Check the disk and its mount; the farmer uses it again when it works.${usableDisks === 0 ? '' : ' To use a new disk in its place, run downstream disk replace.'}${failedShare}`,
    };
  }
  if (!stateSaved) {
    return {
      label: 'State not saved',
      severity: 'warning',
      explanation:
        'The state cannot be written. Contracts are safe, but results of challenges will be lost at the next restart, and no contracts are accepted. Check the free space and the disk of the first data directory.',
    };
  }
  if (readOnly.length > 0 && recent.failed === 0) {
    return {
      label: 'Disk read-only',
      severity: 'warning',
      explanation: `Cannot be written: ${formatDisks(readOnly)}. Chunks there are still proved, but no new ones are stored. Check the disk.`,
    };
  }
  return undefined;
}

function checkChallenges(evidence: StatusEvidence): OverallStatus {
  const { contracts, recent, lastPassedAt } = evidence;
  if (contracts.total === 0) {
    return {
      label: 'No contracts',
      severity: 'info',
      explanation: explainLackOfContracts(evidence),
    };
  }
  if (recent.failed > 0) return assessFailures(evidence);
  if (isStalled(evidence)) {
    return {
      label: 'Stalled',
      severity: 'critical',
      explanation:
        'No challenge has passed or failed for three intervals. Check whether the node issues challenges and whether the disk responds.',
    };
  }
  if (lastPassedAt === undefined) {
    return {
      label: 'Starting',
      severity: 'info',
      explanation: 'Generating chunks, or waiting for the first challenges.',
    };
  }
  return { label: 'Healthy', severity: 'ok', explanation: formatPassed(evidence) };
}

function explainLackOfContracts({ nodes }: StatusEvidence): string {
  const explanations = nodes.flatMap(({ alias, waiting }) =>
    waiting === null ? [] : `${nodes.length === 1 ? '' : `${alias}: `}${waiting.explanation}`,
  );
  return explanations.length === 0 ? 'Contracts are being requested.' : explanations.join(' ');
}

function assessFailures(evidence: StatusEvidence): OverallStatus {
  const { passed, failed, mainReason } = evidence.recent;
  const cause = mainReason === undefined ? '' : ` ${failed > 1 ? 'Most common cause' : 'Cause'}: ${CAUSES[mainReason]}`;
  const share = formatFailedShare(evidence);
  if (hasRecovered(evidence)) {
    return {
      label: 'Recovering',
      severity: 'warning',
      explanation: `${share}, but none for at least one interval.${cause}`,
    };
  }
  const explanation = `${share}.${cause}`;
  return passed >= 9 * failed
    ? { label: 'Degraded', severity: 'warning', explanation }
    : { label: 'Failing', severity: 'critical', explanation };
}

/** Whether every contract was due again since the last failure, and some passed. */
function hasRecovered({ now, intervalMs, lastPassedAt, lastFailedAt }: StatusEvidence): boolean {
  if (intervalMs === undefined || lastPassedAt === undefined || lastFailedAt === undefined) return false;
  return lastPassedAt > lastFailedAt && now - lastFailedAt > intervalMs;
}

function isStalled({ now, startedAt, lastPassedAt, intervalMs, contracts }: StatusEvidence): boolean {
  if (intervalMs === undefined || contracts.generating === contracts.total) return false;
  return now - Math.max(startedAt, lastPassedAt ?? 0) > INTERVALS * intervalMs;
}

function formatWindow({ recentMs }: StatusEvidence): string {
  return formatRoughDuration(recentMs);
}

function formatFailedShare(evidence: StatusEvidence): string {
  const { passed, failed } = evidence.recent;
  const all = passed + failed;
  return `${failed} of ${all} ${all === 1 ? 'challenge' : 'challenges'} failed in the last ${formatWindow(evidence)}`;
}

function formatPassed(evidence: StatusEvidence): string {
  const { passed } = evidence.recent;
  const window = formatWindow(evidence);
  if (passed === 0) return `No challenge was due in the last ${window}.`;
  return passed === 1
    ? `The only challenge of the last ${window} passed.`
    : `All ${passed} challenges of the last ${window} passed.`;
}
