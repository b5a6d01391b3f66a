import { setTimeout as pause } from 'node:timers/promises';

/** Many tests poll at the same time: each answer takes CPU from the farms. */
const POLL_INTERVAL_MS = 300;

/**
 * Polls until a value satisfies a condition. Errors are retried: the port of a restarting container is closed.
 *
 * @param what completes the error message "waited … for"
 * @returns the first value that satisfies the condition
 */
export async function eventually<T>(
  what: string,
  read: () => Promise<T>,
  isDone: (value: T) => boolean,
  { withinMs = 60_000, pollIntervalMs = POLL_INTERVAL_MS }: { withinMs?: number; pollIntervalMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await read();
      if (isDone(value)) return value;
      last = value;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    await pause(pollIntervalMs);
  }
  throw new Error(`waited ${withinMs} ms for ${what}; last value: ${JSON.stringify(last)?.slice(0, 2_000)}`);
}
