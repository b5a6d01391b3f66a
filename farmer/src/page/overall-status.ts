import type { Instant } from '@downstream/platform';
import type { DiskStateKind } from '../chunks/disk-state.ts';
import type { FailureReason } from '../contract/contract.ts';
import type { NodeErrorCode } from '../farming/errors.ts';
import { isResponding } from '../farming/node-problem.ts';
import type { ExitState } from '../farming/ports.ts';
import type { WindowTotals } from '../status/outcome-history.ts';
import { formatRoughDuration } from './format.ts';

interface NodeEvidence {
  readonly alias: string;
  /** Whether the node responded to the last request, even if not as expected. */
  readonly reachable: boolean;
  /** Why the node returns no token or no listing. `since`: for people. */
  readonly problem: { readonly code: NodeErrorCode; readonly since: string } | null;
  readonly hasToken: boolean;
  readonly tokenRejected: boolean;
  readonly exitState: ExitState;
  /** Why it gets no contracts at present. */
  readonly waiting: { readonly explanation: string } | null;
}

interface DiskEvidence {
  readonly path: string;
  readonly state: DiskStateKind;
  readonly reason: string;
  /** For people. */
  readonly since: string;
}

/** Input of {@link assessStatus}. */
export interface StatusEvidence {
  readonly now: Instant;
  readonly startedAt: Instant;
  readonly nodes: readonly NodeEvidence[];
  /** Whether the last write to the state succeeded. */
  readonly stateSaved: boolean;
  /** Disks that are not `ok`. */
  readonly failedDisks: readonly DiskEvidence[];
  /** The number of disks that are not quarantined. */
  readonly usableDisks: number;
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
    | 'Node errors'
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
  late: 'answers reached the node after the deadline. Check the disk and queued work below, and the network.',
  missed:
    'no answer was sent in time, because the farmer was stopped or too slow. Check for restarts, and for queued work below.',
  not_challenged: 'the node responded but listed no challenge. Ask its operator whether it issues challenges.',
  chunk_unreadable:
    'chunks were missing or corrupt and not rebuilt in time. Check the disks and their free space and capacity below.',
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

const PROBLEMS: Readonly<Record<NodeErrorCode, string>> = {
  unreachable: 'no connection',
  timeout: 'no response in time',
  circuit_open: 'requests are paused after repeated failures',
  invalid_response: 'a response that is not of a node',
  http_error: 'an HTTP error',
  rejected: 'requests are rejected',
  no_token: 'unknown token',
  no_hash: 'unknown contract',
};

function formatProblem({ problem }: NodeEvidence): string {
  return problem === null ? 'no response yet' : `${PROBLEMS[problem.code]} ${problem.since}`;
}

function isWorking({ reachable, problem }: NodeEvidence): boolean {
  return reachable && problem === null;
}

function respondsWithErrors({ problem }: NodeEvidence): boolean {
  return problem !== null && isResponding(problem);
}

const OUTAGE = 'Challenges due during the outage will fail.';
const ERRORS_REMEDY =
  "Something else may respond in its place, such as a proxy: check the node's URL and what responds there, then contact its operator.";

function checkAllNodes({ now, startedAt, nodes: all, requestsFailed }: StatusEvidence): OverallStatus | undefined {
  const nodes = all.filter(({ exitState }) => exitState !== 'exited');
  if (nodes.length === 0 || nodes.some(isWorking)) return undefined;
  if (requestsFailed === 0 && now - startedAt < STARTUP_GRACE_MS) {
    return { label: 'Starting', severity: 'info', explanation: 'Connecting to the node.' };
  }
  const problems = nodes.map((node) => (all.length === 1 ? '' : `${node.alias}: `) + formatProblem(node)).join('; ');
  const areResponding = nodes.every(respondsWithErrors);
  if (nodes.every(({ hasToken }) => !hasToken)) {
    return {
      label: 'Waiting for token',
      severity: 'warning',
      explanation: `No token was issued (${problems}). ${areResponding ? "Check the payout address and the node's URL, then contact its operator." : "Check the node's URL and the network."}`,
    };
  }
  return areResponding
    ? {
        label: 'Node errors',
        severity: 'critical',
        explanation: `The node responds, but not as expected (${problems}). ${OUTAGE} ${ERRORS_REMEDY}`,
      }
    : {
        label: 'Node unreachable',
        severity: 'critical',
        explanation: `The node does not respond (${problems}). ${OUTAGE} Check the network, then the node.`,
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
  const failing = nodes.filter((node) => !isWorking(node) && node.exitState !== 'exited');
  if (failing.length === 0) return undefined;
  const names = NAMES.format(failing.map((node) => `${node.alias} (${formatProblem(node)})`));
  const share = `${failing.length} of ${nodes.length} nodes`;
  const effect = 'Challenges due there during the outage will fail; other nodes are not affected.';
  return failing.every(respondsWithErrors)
    ? {
        label: 'Node errors',
        severity: 'warning',
        explanation: `Not as expected, ${share}: ${names}. ${effect} ${ERRORS_REMEDY}`,
      }
    : {
        label: 'Some nodes unreachable',
        severity: 'warning',
        explanation: `No listing from ${share}: ${names}. ${effect} Check the network, then the node.`,
      };
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
