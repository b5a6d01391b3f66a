const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Parses a `Retry-After` header: seconds, or a date.
 *
 * @param now wall-clock time in milliseconds
 * @returns milliseconds, at most an hour; undefined if the header is missing or invalid
 */
export function parseRetryAfter(header: unknown, now: number): number | undefined {
  if (typeof header !== 'string' || header.length > 100) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
