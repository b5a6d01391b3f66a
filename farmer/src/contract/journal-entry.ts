import type { Instant } from '@downstream/platform';
import type { ContractId, FailureReason } from './contract.ts';

/** When what happened to one challenge; what did not happen is not there. */
export interface Timeline {
  /** The node listed it, or gave it with the contract. */
  readonly receivedAt?: Instant | undefined;
  /** Its chunk was there, and it waited for a worker. */
  readonly queuedAt?: Instant | undefined;
  /** A worker began to read the chunk. */
  readonly readAt?: Instant | undefined;
  /** The chunk was read and hashed, and sound. */
  readonly hashedAt?: Instant | undefined;
  /** The answer was first sent. */
  readonly sentAt?: Instant | undefined;
  /** The node gave its verdict. */
  readonly acknowledgedAt?: Instant | undefined;
  /** How often the answer was sent. */
  readonly attempts: number;
}

/** What stood in the way of an answer, more closely than the reason it is counted under. */
export const CAUSES = [
  /** The farmer was off, or did not get to run. */
  'farmer_stopped',
  /** No worker was free in time. */
  'no_worker',
  /** The chunk was not read in time. */
  'slow_read',
  /** The chunk was not yet made. */
  'chunk_not_generated',
  /** The chunk was lost, and not made again in time. */
  'chunk_lost',
  /** The node did not answer when it was asked for challenges. */
  'node_unreachable',
  /** The node did not acknowledge the answer. */
  'not_acknowledged',
  /** The node answered, but listed no challenge. */
  'not_listed',
  /** The node said that the answer was wrong, or too late. */
  'refused',
] as const;
export type Cause = (typeof CAUSES)[number];

/** One challenge, from its beginning to its end; or several at once, of which nothing else is known. */
export interface JournalEntry extends Timeline {
  readonly contract: ContractId;
  /** The number of the round, from 0. */
  readonly round: number;
  /** How many rounds in a row came out like this. */
  readonly count: number;
  readonly dueAt: Instant;
  readonly settledAt: Instant;
  readonly outcome: 'passed' | FailureReason;
  readonly cause?: Cause | undefined;
}
