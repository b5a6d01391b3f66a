import type { FarmerLine } from './farmer-line.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What a farmer was doing when it was killed. */
export const STEPS = ['starting', 'accepting', 'generating', 'listing', 'answering', 'removing', 'other'] as const;
export type Step = (typeof STEPS)[number];

/** When to kill a farmer: a delay after a number of log lines, or after the first line of a step. */
export interface KillPoint {
  readonly after: number | Step;
  readonly delayMs: number;
}

const MAX_LINES = 32;
const MAX_DELAY_MS = 20;

/** The share of kills in steps that random lines seldom reach: most lines are about the start and new contracts. */
const AIMED_SHARES = [
  { step: 'removing', share: 0.15 },
  { step: 'answering', share: 0.15 },
  { step: 'listing', share: 0.1 },
] as const satisfies readonly { readonly step: Step; readonly share: number }[];

/** Chooses a random kill point. Early lines are more likely, because start-up logs few lines. */
export function chooseKillPoint(random: SeededRandom): KillPoint {
  const delayMs = random.next() * MAX_DELAY_MS;
  let place = random.next();
  for (const { step, share } of AIMED_SHARES) {
    if (place < share) return { after: step, delayMs };
    place -= share;
  }
  return { after: Math.floor(random.next() ** 2 * (MAX_LINES + 1)), delayMs };
}

const STEP_BY_MESSAGE: Readonly<Record<string, Step>> = {
  'farmer registered': 'starting',
  'leftover files removed': 'starting',
  'farmer started': 'starting',
  'contract accepted': 'generating',
  'chunk creation failed': 'generating',
  'challenge passed': 'answering',
  'challenge failed': 'answering',
  'answer not acknowledged': 'answering',
  'contract ended': 'removing',
  'contract rejected': 'removing',
  'contract release failed': 'removing',
  'unknown contract released': 'removing',
};

const STEP_BY_ROUTE: Readonly<Record<string, Step>> = {
  new: 'starting',
  chunk: 'accepting',
  download: 'generating',
  due: 'listing',
  challenge: 'answering',
  remove: 'removing',
  v1_new: 'starting',
  v1_heartbeat: 'starting',
  v1_chunk: 'accepting',
  v1_challenge: 'listing',
  v1_answer: 'answering',
};

export interface KillObservation {
  /** Undefined if the farmer had logged nothing. */
  readonly lastLine: FarmerLine | undefined;
  /** The node had issued a contract that was not in the state database yet. */
  readonly hasNewContract: boolean;
  readonly hasPartialChunk: boolean;
}

/** Files on disk are better evidence than the last log line. */
export function identifyStep({ lastLine, hasNewContract, hasPartialChunk }: KillObservation): Step {
  if (hasNewContract) return 'accepting';
  if (hasPartialChunk) return 'generating';
  return lastLine === undefined ? 'starting' : toStep(lastLine);
}

/** The step that a log line belongs to. */
export function toStep({ message, route = '' }: FarmerLine): Step {
  return STEP_BY_MESSAGE[message] ?? STEP_BY_ROUTE[route] ?? 'other';
}
