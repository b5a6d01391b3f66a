import type { Rng } from './rng.ts';

/** How pauses between attempts grow. */
export interface BackoffPolicy {
  /** The longest first pause. */
  readonly baseMs: number;
  /** The longest pause ever. */
  readonly capMs: number;
}

/**
 * The pause before attempt number `attempt` (from 1 after the first failure): doubling to a cap, then drawn evenly from
 * the upper half of that, so that farmers that failed together don't come back together.
 *
 * @returns milliseconds, at least half of `baseMs`
 */
export function backoffMs({ baseMs, capMs }: BackoffPolicy, attempt: number, rng: Rng): number {
  const longest = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 40));
  return longest / 2 + (rng.random() * longest) / 2;
}
