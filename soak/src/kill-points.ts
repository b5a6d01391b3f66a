import type { FarmerLine } from './farmer-line.ts';
import type { SeededRandom } from './seeded-random.ts';

/** When to kill a farmer: a delay after a number of log lines, or after the first line with a message. */
export interface KillPoint {
  readonly after: number | string;
  readonly delayMs: number;
}

const MAX_LINES = 32;
const MAX_DELAY_MS = 20;

/** The share of kills at the end of a contract, which few farmers would otherwise reach. */
const END_SHARE = 0.15;

/** Chooses a random kill point. Early points are more likely, because start-up logs few lines. */
export function chooseKillPoint(random: SeededRandom): KillPoint {
  const delayMs = random.next() * MAX_DELAY_MS;
  if (random.next() < END_SHARE) return { after: 'contract ended', delayMs };
  return { after: Math.floor(random.next() ** 2 * (MAX_LINES + 1)), delayMs };
}

/** What a farmer was doing when it was killed. */
export const STEPS = ['starting', 'accepting', 'generating', 'listing', 'answering', 'removing', 'other'] as const;
export type Step = (typeof STEPS)[number];

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
  if (lastLine === undefined) return 'starting';
  return STEP_BY_MESSAGE[lastLine.message] ?? STEP_BY_ROUTE[lastLine.route ?? ''] ?? 'other';
}
