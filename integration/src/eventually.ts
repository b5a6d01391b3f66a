import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;

/**
 * Looks again and again until what it sees is so. A look that throws is one that has seen nothing yet: the port of a
 * container that restarts answers nobody.
 *
 * @param what completes the sentence "waited … for" when the time is up
 * @returns what was seen
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T>,
  isSo: (seen: T) => boolean,
  { withinMs = 60_000 }: { withinMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const seen = await look();
      if (isSo(seen)) return seen;
      last = seen;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    await pause(LOOK_EVERY_MS);
  }
  throw new Error(`waited ${withinMs} ms for ${what}; last seen: ${JSON.stringify(last)}`);
}
