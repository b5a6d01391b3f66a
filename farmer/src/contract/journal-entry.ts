import type { Instant } from '@downstream/platform';
import type { ContractId, Outcome } from './contract.ts';
import type { Timeline } from './round.ts';

/** The cause of a challenge that did not pass, more precise than its failure reason. */
export const CAUSES = [
  /** The farmer was stopped or suspended. */
  'farmer_stopped',
  /** No worker was free in time. */
  'no_worker',
  /** The chunk was not read in time. */
  'slow_read',
  /** The chunk was not generated yet. */
  'chunk_not_generated',
  /** The chunk was lost and not rebuilt in time. */
  'chunk_lost',
  /** The contract's tag is lost, without which nothing can be proved (v1 API). */
  'tag_lost',
  /** The challenge cannot belong to the contract (v1 API). */
  'invalid_challenge',
  /** The node returned no listing. */
  'node_unreachable',
  /** The node did not acknowledge the answer. */
  'not_acknowledged',
  /** The node responded, but did not list a challenge. */
  'not_listed',
  /** The node's verdict was negative. */
  'answer_rejected',
  /** The state was lost or restored, so the outcome is unknown. */
  'state_lost',
] as const;
export type Cause = (typeof CAUSES)[number];

/** The outcome of one challenge, or of several consecutive challenges for which nothing else is known. */
export interface JournalEntry extends Timeline {
  readonly contract: ContractId;
  /** The number of the first round, from 0. */
  readonly round: number;
  /** How many consecutive rounds this entry covers. */
  readonly count: number;
  readonly intervalMs: number;
  /** The deadline of the first round. */
  readonly dueAt: Instant;
  readonly settledAt: Instant;
  readonly outcome: Outcome;
  readonly cause?: Cause | undefined;
}

/** The part of an entry that statistics need. */
export type SettledRounds = Pick<JournalEntry, 'outcome' | 'cause' | 'count' | 'intervalMs' | 'dueAt' | 'settledAt'>;
