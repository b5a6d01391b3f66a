import type { Status } from '../status/status.ts';

const MAX_PERIODS = 3;

/** Describes the period that the totals of challenges cover: `since 2030-01-01 08:30:00 UTC`. */
export function formatCoverage({ results }: Pick<Status, 'results'>): string {
  if (results === null) return 'not read yet';
  const { since, unknown } = results;
  const start = since === null ? 'since the data directory was created' : `since ${formatSecond(since)} UTC`;
  const periods = unknown.slice(-MAX_PERIODS).map(({ from, to }) => formatPeriod(from, to));
  const earlier = unknown.length - periods.length;
  if (earlier > 0) periods.unshift(`${earlier} earlier`);
  return periods.length === 0 ? start : `${start}, without ${periods.join(', ')} (state lost or restored)`;
}

/** The date of the end only if it differs. */
function formatPeriod(from: string, to: string): string {
  const isSameDay = from.slice(0, 10) === to.slice(0, 10);
  return `${formatSecond(from)} to ${formatSecond(to).slice(isSameDay ? 11 : 0)} UTC`;
}

/** Formats an ISO 8601 date: `2030-01-01 08:30:00`. */
function formatSecond(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}
