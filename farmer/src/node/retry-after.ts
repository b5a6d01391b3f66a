/** A node that wants to be left alone for longer is asked again all the same. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * How long a reply's `Retry-After` wants us to wait: seconds, or a date.
 *
 * @param header as it came
 * @param nowWall the machine's clock
 * @returns milliseconds, at most an hour; undefined where there is no such header, or nonsense in it
 */
export function retryAfterMs(header: unknown, nowWall: number): number | undefined {
  if (typeof header !== 'string' || header.length > 100) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowWall;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
