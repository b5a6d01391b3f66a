const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Parses a `Retry-After` header: seconds, or a date. A date is compared with the response's `Date`, since the clocks of
 * farmer and node may differ.
 *
 * @param now wall-clock time in milliseconds, for a response without a valid `Date`
 * @returns milliseconds, at most an hour; undefined if the header is missing or invalid
 */
export function parseRetryAfter(header: unknown, { date, now }: { date?: unknown; now: number }): number | undefined {
  if (typeof header !== 'string' || header.length > 100) return undefined;
  const sentAt = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  const ms = /^\s*\d+\s*$/.test(header)
    ? Number(header) * 1000
    : Date.parse(header) - (Number.isNaN(sentAt) ? now : sentAt);
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
