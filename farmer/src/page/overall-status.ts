import type { Instant } from '@downstream/platform';
import type { FailureReason } from '../contract/contract.ts';
import type { ExitState } from '../farming/ports.ts';
import type { WindowTotals } from '../status/outcome-history.ts';
import { formatRoughDuration } from './format.ts';

/** Input of {@link assessStatus}. */
export interface StatusEvidence {
  readonly now: Instant;
  readonly startedAt: Instant;
  readonly nodes: readonly {
    readonly alias: string;
    /** Whether the node responded to the last request. */
    readonly reachable: boolean;
    readonly hasToken: boolean;
    readonly tokenRejected: boolean;
    readonly exitState: ExitState;
  }[];
  /** Whether the last write to the state succeeded. */
  readonly stateSaved: boolean;
  /** Folders of quarantined and of read-only disks. */
  readonly quarantinedDisks: readonly string[];
  readonly readOnlyDisks: readonly string[];
  /** Failed requests to all nodes since the start. */
  readonly requestsFailed: number;
  readonly contracts: { readonly total: number; readonly generating: number };
  /** The shortest interval of any contract; undefined without contracts. */
  readonly intervalMs: number | undefined;
  readonly lastPassedAt: Instant | undefined;
  readonly lastFailedAt: Instant | undefined;
  /** Challenges within {@link computeWindowMs}. */
  readonly recent: WindowTotals;
}

export interface OverallStatus {
  readonly label:
    | 'Healthy'
    | 'Recovering'
    | 'Degraded'
    | 'Failing'
    | 'Stalled'
    | 'Token rejected'
    | 'Node unreachable'
    | 'Some nodes unreachable'
    | 'Exiting'
    | 'Exited'
    | 'Disk degraded'
    | 'Disk read-only'
    | 'State not saved'
    | 'Waiting for token'
    | 'Starting'
    | 'No contracts';
  /** `warning`: look into it. `critical`: challenges fail or contracts may be lost. */
  readonly severity: 'ok' | 'info' | 'warning' | 'critical';
  /** What happened and what to do. */
  readonly explanation: string;
}

const NAMES = new Intl.ListFormat('en');
const INTERVALS = 3;
/** A node that has not responded by then is unreachable. */
const STARTUP_GRACE_MS = 10_000;
const MIN_WINDOW_MS = 10 * 60_000;
const MAX_WINDOW_MS = 12 * 3_600_000;

/** The period that the status covers: three intervals, but at least ten minutes and at most twelve hours. */
export function computeWindowMs(intervalMs: number | undefined): number {
  return Math.min(MAX_WINDOW_MS, Math.max(MIN_WINDOW_MS, INTERVALS * (intervalMs ?? 0)));
}

/** Cause and remedy of failed challenges. */
const CAUSES: Readonly<Record<FailureReason, string>> = {
  wrong_answer: 'the node rejected answers computed from intact chunks. Report this to its operator.',
  late: 'the node rejected answers after the deadline. Use a faster disk or more workers.',
  missed:
    'no answer was sent in time, because the farmer was stopped or too slow. Check for restarts, and for queued work below.',
  not_challenged: 'the node responded but listed no challenge. Ask its operator whether it issues challenges.',
  chunk_unreadable: 'chunks were missing or corrupt and not rebuilt in time. Check the disk and its free space.',
  node_error: 'the node was unreachable or did not acknowledge answers. Check the network, then the node.',
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

function checkTokens({ nodes }: StatusEvidence): OverallStatus | undefined {
  const aliases = nodes.filter(({ tokenRejected }) => tokenRejected).map(({ alias }) => alias);
  if (aliases.length === 0) return undefined;
  const verb = aliases.length === 1 ? 'does' : 'do';
  return {
    label: 'Token rejected',
    severity: 'critical',
    explanation: `${NAMES.format(aliases)} ${verb} not recognize this farmer's token. If this continues for one interval (at most a minute), the farmer drops the contracts and deletes their chunks. If the node is being restored, stop this farmer now.`,
  };
}

function checkAllNodes({ now, startedAt, nodes: all, requestsFailed }: StatusEvidence): OverallStatus | undefined {
  const nodes = all.filter(({ exitState }) => exitState !== 'exited');
  if (nodes.length === 0 || nodes.some(({ reachable }) => reachable)) return undefined;
  if (requestsFailed === 0 && now - startedAt < STARTUP_GRACE_MS) {
    return { label: 'Starting', severity: 'info', explanation: 'Connecting to the node.' };
  }
  if (nodes.every(({ hasToken }) => !hasToken)) {
    return {
      label: 'Waiting for token',
      severity: 'warning',
      explanation: 'The node has not issued a token: it is unreachable, or it rejects the payout address. Check both.',
    };
  }
  return {
    label: 'Node unreachable',
    severity: 'critical',
    explanation: 'Challenges due during the outage will fail. Check the network, then the node.',
  };
}

function checkExit({ nodes, contracts }: StatusEvidence): OverallStatus | undefined {
  if (nodes.every(({ exitState }) => exitState === 'exited')) {
    return {
      label: 'Exited',
      severity: 'ok',
      explanation: 'All contracts have been released. You can stop this farmer and delete its data.',
    };
  }
  if (nodes.every(({ exitState }) => exitState !== 'active')) {
    return {
      label: 'Exiting',
      severity: 'info',
      explanation: `Contracts are being released as requested. ${contracts.total} remain; their chunks are proved until then.`,
    };
  }
  return undefined;
}

function checkEachNode({ nodes }: StatusEvidence): OverallStatus | undefined {
  const aliases = nodes
    .filter(({ reachable, exitState }) => !reachable && exitState !== 'exited')
    .map(({ alias }) => alias);
  if (aliases.length === 0) return undefined;
  const verb = aliases.length === 1 ? 'does' : 'do';
  return {
    label: 'Some nodes unreachable',
    severity: 'warning',
    explanation: `${NAMES.format(aliases)} (${aliases.length} of ${nodes.length} nodes) ${verb} not respond. Challenges due there during the outage will fail; other nodes are not affected. Check the network, then the node.`,
  };
}

function checkDisks(evidence: StatusEvidence): OverallStatus | undefined {
  const { quarantinedDisks, readOnlyDisks, stateSaved, recent } = evidence;
  if (quarantinedDisks.length > 0) {
    return {
      label: 'Disk degraded',
      severity: recent.failed > 0 ? 'critical' : 'warning',
      explanation: `${NAMES.format(quarantinedDisks)} cannot be used. Chunks stored there are being rebuilt on other disks, as space and time allow. Check the disk.${recent.failed > 0 ? ` ${formatFailedShare(evidence)}.` : ''}`,
    };
  }
  if (!stateSaved) {
    return {
      label: 'State not saved',
      severity: 'warning',
      explanation:
        'The state cannot be written. Contracts are safe, but results of challenges will be lost at the next restart, and no contracts are accepted. Free space in the first data directory, and check its disk.',
    };
  }
  if (readOnlyDisks.length > 0 && recent.failed === 0) {
    return {
      label: 'Disk read-only',
      severity: 'warning',
      explanation: `${NAMES.format(readOnlyDisks)} cannot be written. Chunks there are still proved, but no new ones are stored. Check the disk.`,
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
      explanation: 'The node offers no contracts at present. The farmer keeps asking.',
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

function formatWindow({ intervalMs }: StatusEvidence): string {
  return formatRoughDuration(computeWindowMs(intervalMs));
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
