import type { Instant } from '@downstream/platform';

/** What a verdict is reached from. */
export interface Evidence {
  readonly now: Instant;
  readonly startedAt: Instant;
  readonly hasToken: boolean;
  readonly nodeReachable: boolean;
  readonly contracts: { readonly total: number; readonly generating: number };
  /** The shortest interval of any contract; undefined without contracts. */
  readonly intervalMs: number | undefined;
  readonly lastPassedAt: Instant | undefined;
  /** Outcomes within {@link windowMs}. */
  readonly recent: { readonly passed: number; readonly failed: number };
}

/** How the farmer is, for a person: a word, and a sentence that says what is going on and what to do. */
export interface Verdict {
  readonly word: 'Passing' | 'Faltering' | 'Failing' | 'Stalled' | 'Cut off' | 'Waiting' | 'Preparing' | 'Idle';
  /** calm: nothing to do; busy: nothing yet; worse: look at it; bad: money is being lost. */
  readonly tone: 'calm' | 'busy' | 'worse' | 'bad';
  readonly sentence: string;
}

const INTERVALS = 3;
/** So long after a start, a node that has not answered yet need not be away. */
const FIRST_WORDS_MS = 10_000;
const LEAST_WINDOW_MS = 10 * 60_000;
const LONGEST_WINDOW_MS = 12 * 3_600_000;

/** How far back the verdict looks: three intervals, but at least ten minutes. */
export function windowMs(intervalMs: number | undefined): number {
  return Math.min(LONGEST_WINDOW_MS, Math.max(LEAST_WINDOW_MS, INTERVALS * (intervalMs ?? 0)));
}

/** The first that holds, from what makes all else moot to what is well. */
export function verdictOf(evidence: Evidence): Verdict {
  const { hasToken, nodeReachable, contracts, recent } = evidence;
  if (!hasToken) {
    return {
      word: 'Waiting',
      tone: 'worse',
      sentence:
        'No token from the node yet: it is away, or it refuses the address. Nothing is lost so far; check both.',
    };
  }
  if (!nodeReachable && evidence.now - evidence.startedAt < FIRST_WORDS_MS) {
    return { word: 'Preparing', tone: 'busy', sentence: 'The node is being asked for the first time since the start.' };
  }
  if (!nodeReachable) {
    return {
      word: 'Cut off',
      tone: 'bad',
      sentence:
        'The node does not answer. Every challenge that falls due meanwhile fails: check the network, then the node.',
    };
  }
  if (contracts.total === 0) {
    return {
      word: 'Idle',
      tone: 'busy',
      sentence: 'No contracts: the node has none to give at present. It is asked again and again.',
    };
  }
  const minutes = Math.round(windowMs(evidence.intervalMs) / 60_000);
  if (recent.failed > 0) {
    const all = recent.passed + recent.failed;
    const share = `${recent.failed} of ${all} ${all === 1 ? 'challenge' : 'challenges'} failed in the last ${minutes} minutes`;
    return recent.passed >= 9 * recent.failed
      ? { word: 'Faltering', tone: 'worse', sentence: `${share}. The reasons are below.` }
      : { word: 'Failing', tone: 'bad', sentence: `${share}. The reasons are below.` };
  }
  if (isStalled(evidence)) {
    return {
      word: 'Stalled',
      tone: 'bad',
      sentence:
        'No challenge was passed for three intervals, and none failed: does the node still send challenges, does the disk still answer?',
    };
  }
  if (recent.passed === 0) {
    return { word: 'Preparing', tone: 'busy', sentence: 'Chunks are being made, or the first challenges are awaited.' };
  }
  const all = recent.passed === 1 ? 'The one challenge' : `All ${recent.passed} challenges`;
  return { word: 'Passing', tone: 'calm', sentence: `${all} of the last ${minutes} minutes passed on time.` };
}

function isStalled({ now, startedAt, lastPassedAt, intervalMs, contracts }: Evidence): boolean {
  if (intervalMs === undefined || contracts.generating === contracts.total) return false;
  return now - Math.max(startedAt, lastPassedAt ?? 0) > INTERVALS * intervalMs;
}
