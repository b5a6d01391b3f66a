import type { FarmerLine } from './farmer-line.ts';
import type { SeededRandom } from './seeded-random.ts';

/** When to kill a farmer: so long after so many lines of its log, or after the first that says this. */
export interface KillPoint {
  readonly after: number | string;
  readonly plusMs: number;
}

const MAX_LINES = 32;
const MAX_DELAY_MS = 20;

/** An end is believed only after a while: by chance hardly any farmer would live to remove a contract. */
const REMOVALS = 0.15;

/** Any step may be the last, from before the first line to well into farming; early ones more often, since they are few. */
export function killPoint(dice: SeededRandom): KillPoint {
  const plusMs = dice.random() * MAX_DELAY_MS;
  if (dice.random() < REMOVALS) return { after: 'contract ended', plusMs };
  return { after: Math.floor(dice.random() ** 2 * (MAX_LINES + 1)), plusMs };
}

/** What a farmer was at when it was killed. */
export const STEPS = ['starting', 'taking', 'generating', 'listing', 'answering', 'removing', 'other'] as const;
export type Step = (typeof STEPS)[number];

const BY_MESSAGE: Readonly<Record<string, Step>> = {
  'connected to the node': 'starting',
  'removed what a former run left behind': 'starting',
  'farmer started': 'starting',
  'contract taken': 'generating',
  'chunk not made': 'generating',
  'challenge passed': 'answering',
  'challenge failed': 'answering',
  'answer not acknowledged': 'answering',
  'contract ended': 'removing',
  'contract refused': 'removing',
  'contract not given back to the node': 'removing',
  'gave back a contract that this farmer knows nothing of': 'removing',
};

const BY_ROUTE: Readonly<Record<string, Step>> = {
  new: 'starting',
  chunk: 'taking',
  download: 'generating',
  due: 'listing',
  challenge: 'answering',
  remove: 'removing',
};

/** What was seen of a farmer's end. */
export interface KillObservation {
  /** The last that it said; undefined where it had said nothing yet. */
  readonly last: FarmerLine | undefined;
  /** The node had given a contract that was not written down yet. */
  readonly hasNewContract: boolean;
  /** There was a half-written chunk. */
  readonly hasPartialChunk: boolean;
}

/** What is left behind says more than the last word. */
export function stepAt({ last, hasNewContract, hasPartialChunk }: KillObservation): Step {
  if (hasNewContract) return 'taking';
  if (hasPartialChunk) return 'generating';
  if (last === undefined) return 'starting';
  return BY_MESSAGE[last.message] ?? BY_ROUTE[last.route ?? ''] ?? 'other';
}
