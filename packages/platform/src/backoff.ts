import type { Random } from './random.ts';

/** How pauses between attempts grow. */
export interface BackoffPolicy {
  /** The longest first pause. */
  readonly baseMs: number;
  /** The longest pause ever. */
  readonly capMs: number;
}

/**
 * The pause before attempt number `attempt` (from 1 after the first failure): doubling to a cap, then drawn evenly from all of
 * that (full jitter), so that farmers that failed together don't come back together.
 *
 * @returns milliseconds, from 0
 */
export function computeBackoffMs({ baseMs, capMs }: BackoffPolicy, attempt: number, random: Random): number {
  return random.random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 40));
}
