import type { Instant } from '@downstream/platform';
import type { Cause, JournalEntry } from './journal-entry.ts';

/** What became of a challenge, or of several in a row, and why: one sentence in plain words, with the times that matter. */
export function explain(entry: JournalEntry): string {
  const { outcome, count } = entry;
  if (outcome === 'passed') return `Passed: ${describeStages(entry)}, with ${left(entry)} left.`;
  const times = count === 1 ? '' : ` (${count} in a row)`;
  return `${WORDS[outcome]}${times}: ${because(entry)}.`;
}

const WORDS: Readonly<Record<Exclude<JournalEntry['outcome'], 'passed'>, string>> = {
  wrong_answer: 'Refused',
  late: 'Late',
  missed: 'Missed',
  not_challenged: 'Never asked',
  chunk_unreadable: 'No chunk',
  node_error: 'Not delivered',
};

function because(entry: JournalEntry): string {
  const { cause, attempts } = entry;
  switch (cause) {
    case 'farmer_stopped':
      return 'this farmer was not running when it fell due';
    case 'no_worker':
      return `it came ${beforeDue(entry, entry.receivedAt)} the deadline and waited ${span(entry.queuedAt, entry.settledAt)} for a worker, until there was no time left to read the chunk`;
    case 'slow_read':
      return entry.hashedAt === undefined
        ? `a worker began to read the chunk ${beforeDue(entry, entry.readAt)} the deadline, and was not done in time`
        : `the chunk was read in ${span(entry.readAt, entry.hashedAt)}, too late to send the answer`;
    case 'chunk_not_generated':
      return 'its chunk was still being made for the first time when it fell due';
    case 'chunk_lost':
      return 'the chunk was missing, damaged, or on a disk that failed, and was not made again in time to be proved';
    case 'node_unreachable':
      return 'the node did not answer when it was asked for challenges';
    case 'not_acknowledged':
      return attempts === 0
        ? 'the answer was ready, but the node could not be reached'
        : `the answer was sent ${times(attempts)}, first ${beforeDue(entry, entry.sentAt)} the deadline, and the node never acknowledged it`;
    case 'not_listed':
      return 'the node answered when it was asked for challenges, and listed none for this contract';
    case 'refused':
      return `${describeStages(entry)}, and the node said no ${entry.settledAt > entry.dueAt ? `${duration(entry.settledAt - entry.dueAt)} after the deadline` : `with ${left(entry)} left, although the chunk was sound`}`;
    case undefined:
      return 'nothing more is known';
    default:
      return unknown(cause);
  }
}

/** The stages that an answer went through, with what each took. */
function describeStages({
  receivedAt,
  queuedAt,
  readAt,
  hashedAt,
  sentAt,
  acknowledgedAt,
  attempts,
}: JournalEntry): string {
  const stages = [
    stage('its chunk was made in', receivedAt, queuedAt),
    stage('it waited for a worker', queuedAt, readAt),
    stage('it was read in', readAt, hashedAt),
    stage('the answer waited', hashedAt, sentAt),
    stage(
      attempts > 1 ? `it was sent ${times(attempts)} and acknowledged after` : 'it was acknowledged in',
      sentAt,
      acknowledgedAt,
    ),
  ].filter((told) => told !== undefined);
  return stages.length === 0 ? 'it was answered at once' : stages.join(', ');
}

/** What takes no time is not worth telling. */
const TOLD_MS = 1;

function stage(what: string, from: Instant | undefined, to: Instant | undefined): string | undefined {
  if (from === undefined || to === undefined || to - from < TOLD_MS) return undefined;
  return `${what} ${duration(to - from)}`;
}

function left({ dueAt, settledAt }: JournalEntry): string {
  return duration(Math.max(0, dueAt - settledAt));
}

function beforeDue({ dueAt }: JournalEntry, at: Instant | undefined): string {
  return at === undefined ? 'some time before' : `${duration(Math.max(0, dueAt - at))} before`;
}

function span(from: Instant | undefined, to: Instant | undefined): string {
  return from === undefined || to === undefined ? 'some time' : duration(Math.max(0, to - from));
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

function unknown(cause: never): string {
  throw new RangeError(`no such cause: ${String(cause satisfies Cause)}`);
}
