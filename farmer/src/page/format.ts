import { formatBytes } from '@downstream/platform';
import type { BytesUsed } from '../status/status.ts';

/** Formats a time relative to now: `in 1 min 5 s`, `now`, `12 s ago`. The page's script does the same. */
export function formatRelative(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${formatDuration(seconds * 1000)}` : `${formatDuration(-seconds * 1000)} ago`;
}

/** Formats the two largest units: `850 ms`, `5 s`, `1 min 5 s`, `2 h`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `−${formatDuration(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([amount]) => amount > 0);
  return units
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

/** Formats a duration in one unit: `50 seconds`, `30 minutes`, `12 hours`. */
export function formatRoughDuration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 2) return `${Math.max(2, Math.round(ms / 1000))} seconds`;
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}

/** Formats a date and time in UTC, which the text around it must say: `2026-11-23 08:30:05`. */
export function formatTimestamp(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** Formats the time of day in UTC: `08:30`. */
export function formatClockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/**
 * Formats when something began: `since 08:30 UTC`, with the date if that was on another day. What began right after the
 * start may be older.
 */
export function formatSince(iso: string, { now, startedAt }: { now: number; startedAt: number }): string {
  const [date = '', time = ''] = iso.split('T');
  const day = new Date(now).toISOString().startsWith(date) ? '' : `${date} `;
  const start = Date.parse(iso) - startedAt < START_MS ? 'the farmer started at ' : '';
  return `since ${start}${day}${time.slice(0, 5)} UTC`;
}

const START_MS = 10_000;

/** Formats a label value for people: `http_error` becomes `http error`. */
export function formatLabel(label: string): string {
  return label.replaceAll('_', ' ');
}

export function formatCount(amount: number): string {
  return amount.toLocaleString('en');
}

/** Formats how much of a capacity is used: `96 MiB of 256 MiB`. */
export function formatUsed({ used, capacity }: BytesUsed): string {
  return `${formatBytes(used)} of ${formatBytes(capacity)}`;
}
