import type { Instant } from '@downstream/platform';

/** When a challenge reached each stage. Stages that it did not reach are unset. */
export interface Timeline {
  /** The node listed the challenge, or sent it with the contract. */
  readonly receivedAt?: Instant | undefined;
  /** The chunk was on disk and the challenge started to wait for a worker. */
  readonly queuedAt?: Instant | undefined;
  /** A worker started to read the chunk. */
  readonly readAt?: Instant | undefined;
  /** The chunk was read and its hash matched. */
  readonly hashedAt?: Instant | undefined;
  /** The answer was sent for the first time. */
  readonly sentAt?: Instant | undefined;
  /** The node returned its verdict. */
  readonly acknowledgedAt?: Instant | undefined;
  /** How often the answer was sent. */
  readonly attempts: number;
}

export const EMPTY_TIMELINE: Timeline = { attempts: 0 };
