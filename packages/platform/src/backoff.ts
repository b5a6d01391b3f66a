import type { Random } from './random.ts';

export interface BackoffPolicy {
  /** Maximum delay before the second attempt. It doubles with each further attempt. */
  readonly baseMs: number;
  /** Maximum delay before any attempt. */
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter: farmers that failed at the same time do not retry at the same time.
 *
 * @param attempt the number of failed attempts, from 1
 */
export function computeBackoffMs({ baseMs, capMs }: BackoffPolicy, attempt: number, random: Random): number {
  return random.next() * Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 40));
}
