import type { HistorySpan } from '../status/outcome-history.ts';
import { formatCount, formatDuration, formatRoughDuration } from './format.ts';
import { formatFact } from './text-layout.ts';

const BARS = ' ▁▂▃▄▅▆▇█';
const MAX_BARS = 60;

/**
 * Passed and failed challenges as bars of text. Several spans share a bar if there are too many.
 *
 * @param completeMs for how long no result is missing
 */
export function renderTextChart(spans: readonly HistorySpan[], completeMs: number): string[] {
  const [first] = spans;
  if (first === undefined) return [];
  const size = Math.ceil(spans.length / MAX_BARS);
  // The last bar ends now.
  const start = spans.length % size;
  const groups = Array.from({ length: Math.floor(spans.length / size) }, (_, n) =>
    spans.slice(start + n * size, start + (n + 1) * size),
  );
  const count = (name: 'passed' | 'failed') => groups.map((group) => group.reduce((sum, span) => sum + span[name], 0));
  const [passed, failed] = [count('passed'), count('failed')];
  const highest = Math.max(1, ...passed, ...failed);
  const toBar = (amount: number) => BARS[Math.ceil((amount / highest) * (BARS.length - 1))] ?? '';
  const total = (amounts: readonly number[]) => formatCount(amounts.reduce((sum, amount) => sum + amount, 0));
  const slacks = groups.flat().flatMap(({ minSlackMs }) => minSlackMs ?? []);
  const minutes = size * first.minutes;
  const period = formatRoughDuration(Math.min(groups.length * minutes * 60_000, completeMs));
  return [
    ...formatFact(
      'Recently',
      `${total(passed)} passed, ${total(failed)} failed in the last ${period}; one bar: ${minutes} min`,
    ),
    ...formatFact('  passed', passed.map(toBar).join('')),
    ...formatFact('  failed', failed.map(toBar).join('')),
    ...formatFact(
      'Time left',
      slacks.length === 0 ? 'no data yet' : `minimum ${formatDuration(Math.min(...slacks))} before the deadline`,
    ),
  ];
}
