import type { Instant } from '@downstream/platform';
import type { FailureReason } from '../contract/contract.ts';
import type { ExitState } from '../farming/ports.ts';
import type { WindowTotals } from '../status/outcome-history.ts';
import { stretch } from './format-time.ts';

/** What a verdict is reached from. */
export interface StatusEvidence {
  readonly now: Instant;
  readonly startedAt: Instant;
  /** The nodes that are farmed for; `reachable`: whether it answered when it was last asked. */
  readonly nodes: readonly {
    readonly alias: string;
    readonly reachable: boolean;
    readonly hasToken: boolean;
    /** Whether it says that it does not know the token. */
    readonly tokenRejected: boolean;
    readonly leaving: ExitState;
  }[];
  /** Whether what became of the last challenge could be written down. */
  readonly stateSaved: boolean;
  /** Folders on disks that failed. */
  readonly failedDisks: readonly string[];
  /** Requests to nodes that failed. */
  readonly requestsFailed: number;
  readonly contracts: { readonly total: number; readonly generating: number };
  /** The shortest interval of any contract; undefined without contracts. */
  readonly intervalMs: number | undefined;
  readonly lastPassedAt: Instant | undefined;
  readonly lastFailedAt: Instant | undefined;
  /** Outcomes within {@link windowMs}. */
  readonly recent: WindowTotals;
}

/** How the farmer is, for a person: a word, and a sentence that says what is going on and what to do. */
export interface OverallStatus {
  readonly word:
    | 'Passing'
    | 'Recovering'
    | 'Faltering'
    | 'Failing'
    | 'Stalled'
    | 'Denied'
    | 'Cut off'
    | 'Partly cut off'
    | 'Leaving'
    | 'Left'
    | 'Disk failing'
    | 'Waiting'
    | 'Preparing'
    | 'Idle';
  /** calm: nothing to do; busy: nothing yet; worse: look at it; bad: money is being lost. */
  readonly tone: 'calm' | 'busy' | 'worse' | 'bad';
  readonly sentence: string;
}

const INTERVALS = 3;
/** So long after a start, a node that has not answered yet need not be away. */
const STARTUP_GRACE_MS = 10_000;
const MIN_WINDOW_MS = 10 * 60_000;
const MAX_WINDOW_MS = 12 * 3_600_000;

/** How far back the verdict looks: three intervals, but at least ten minutes. */
export function windowMs(intervalMs: number | undefined): number {
  return Math.min(MAX_WINDOW_MS, Math.max(MIN_WINDOW_MS, INTERVALS * (intervalMs ?? 0)));
}

/** What to say of a reason. */
const REASONS: Readonly<Record<FailureReason, string>> = {
  wrong_answer: 'the node refused answers made from sound chunks; tell its operator',
  late: 'verdicts came after the deadline; give less, or a faster disk',
  missed: 'nobody answered in time: the farmer was off or too slow; look at restarts, and at the work that waits below',
  not_challenged: 'the node answered, but listed no challenge; ask its operator whether it issues them',
  chunk_unreadable: 'chunks were missing or corrupt and not made again in time; check the disk and its free space',
  node_error: 'the node was out of reach, or never acknowledged; check the network, then the node',
};

/** The first that holds, from what makes all else moot to what is well. */
export function assessStatus(evidence: StatusEvidence): OverallStatus {
  const { contracts, recent, lastPassedAt } = evidence;
  const cut = denial(evidence) ?? contact(evidence) ?? departure(evidence);
  if (cut !== undefined) return cut;
  const away = evidence.nodes.filter(({ reachable, leaving }) => !reachable && leaving !== 'left');
  if (away.length > 0) {
    return {
      word: 'Partly cut off',
      tone: 'worse',
      sentence: `Of ${evidence.nodes.length} nodes ${listed(away.map(({ alias }) => alias))} ${away.length === 1 ? 'does' : 'do'} not answer. The challenges there fail meanwhile; the other nodes' go on.`,
    };
  }
  if (evidence.failedDisks.length > 0) {
    return {
      word: 'Disk failing',
      tone: recent.failed > 0 ? 'bad' : 'worse',
      sentence: `${listed(evidence.failedDisks)} can't be used: chunks from there are made again on other disks, where there are any with room and time. Check the disk.${recent.failed > 0 ? ` ${failedShare(evidence)}.` : ''}`,
    };
  }
  if (!evidence.stateSaved) {
    return {
      word: 'Disk failing',
      tone: 'worse',
      sentence:
        'The state can not be written: contracts are safe, but how challenges come out is lost with the next restart, and none is taken. Free some space in the first folder, and check its disk.',
    };
  }
  if (contracts.total === 0) {
    return {
      word: 'Idle',
      tone: 'busy',
      sentence: 'No contracts: the node has none to give at present. It is asked again and again.',
    };
  }
  if (recent.failed > 0) return failing(evidence);
  if (isStalled(evidence)) {
    return {
      word: 'Stalled',
      tone: 'bad',
      sentence:
        'No challenge was passed for three intervals, and none failed: does the node still send challenges, does the disk still answer?',
    };
  }
  if (lastPassedAt === undefined) {
    return { word: 'Preparing', tone: 'busy', sentence: 'Chunks are being made, or the first challenges are awaited.' };
  }
  return { word: 'Passing', tone: 'calm', sentence: passing(recent.passed, spanOf(evidence)) };
}

/** What there is to say where a node may have lost its memory: for a while, whoever looks can still save what is there. */
function denial({ nodes }: StatusEvidence): OverallStatus | undefined {
  const denying = nodes.filter(({ tokenRejected }) => tokenRejected).map(({ alias }) => alias);
  if (denying.length === 0) return undefined;
  return {
    word: 'Denied',
    tone: 'bad',
    sentence: `${listed(denying)} answers that it does not know this farmer. If it goes on saying so for an interval, or a minute where that is less, its contracts and their chunks are given up: stop this farmer now if the node is being restored.`,
  };
}

/** What there is to say where no node can be spoken with. */
function contact({ now, startedAt, nodes: all, requestsFailed }: StatusEvidence): OverallStatus | undefined {
  const nodes = all.filter(({ leaving }) => leaving !== 'left');
  if (nodes.length === 0 || nodes.some(({ reachable }) => reachable)) return undefined;
  if (requestsFailed === 0 && now - startedAt < STARTUP_GRACE_MS) {
    return { word: 'Preparing', tone: 'busy', sentence: 'The node is being asked for the first time since the start.' };
  }
  if (nodes.every(({ hasToken }) => !hasToken)) {
    return {
      word: 'Waiting',
      tone: 'worse',
      sentence: 'No token from the node yet: it is away, or it refuses the address; check both.',
    };
  }
  return {
    word: 'Cut off',
    tone: 'bad',
    sentence:
      'The node does not answer. Every challenge that falls due meanwhile fails: check the network, then the node.',
  };
}

/** What there is to say where an operator wants this farmer to leave. */
function departure({ nodes, contracts }: StatusEvidence): OverallStatus | undefined {
  if (nodes.every(({ leaving }) => leaving === 'left')) {
    return {
      word: 'Left',
      tone: 'calm',
      sentence: 'All contracts are given back, as you wanted it. This farmer can be stopped, and its data deleted.',
    };
  }
  if (nodes.every(({ leaving }) => leaving !== 'no')) {
    return {
      word: 'Leaving',
      tone: 'busy',
      sentence: `Contracts are given back, as you wanted it; ${contracts.total} are left, and are proved meanwhile.`,
    };
  }
  return undefined;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** How far back the verdict looks, in words. */
function spanOf({ intervalMs }: StatusEvidence): string {
  return stretch(windowMs(intervalMs));
}

function failedShare(evidence: StatusEvidence): string {
  const { passed, failed } = evidence.recent;
  const all = passed + failed;
  return `${failed} of ${all} ${all === 1 ? 'challenge' : 'challenges'} failed in the last ${spanOf(evidence)}`;
}

function failing(evidence: StatusEvidence): OverallStatus {
  const { passed, failed, mostly } = evidence.recent;
  const share = failedShare(evidence);
  const why = mostly === undefined ? '' : `${failed > 1 ? ', mostly because ' : ', because '}${REASONS[mostly]}`;
  if (isOver(evidence)) {
    return {
      word: 'Recovering',
      tone: 'worse',
      sentence: `Passing again for an interval and more. Before that, ${share}${why}.`,
    };
  }
  return passed >= 9 * failed
    ? { word: 'Faltering', tone: 'worse', sentence: `${share}${why}.` }
    : { word: 'Failing', tone: 'bad', sentence: `${share}${why}.` };
}

/** Whether there was time for every challenge to come round again since the last failure, and some passed. */
function isOver({ now, intervalMs, lastPassedAt, lastFailedAt }: StatusEvidence): boolean {
  if (intervalMs === undefined || lastPassedAt === undefined || lastFailedAt === undefined) return false;
  return lastPassedAt > lastFailedAt && now - lastFailedAt > intervalMs;
}

function passing(passed: number, span: string): string {
  if (passed === 0) return `Nothing failed; no challenge fell due in the last ${span}.`;
  return passed === 1
    ? `The one challenge of the last ${span} was passed on time.`
    : `All ${passed} challenges of the last ${span} passed on time.`;
}

function isStalled({ now, startedAt, lastPassedAt, intervalMs, contracts }: StatusEvidence): boolean {
  if (intervalMs === undefined || contracts.generating === contracts.total) return false;
  return now - Math.max(startedAt, lastPassedAt ?? 0) > INTERVALS * intervalMs;
}
