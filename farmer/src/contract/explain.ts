import type { Instant } from '@downstream/platform';
import type { JournalEntry } from './journal-entry.ts';

/** Describes in one sentence what happened to a challenge, or to several consecutive ones, with the relevant times. */
export function explain(entry: JournalEntry): string {
  const { outcome, count } = entry;
  const label = LABELS[outcome];
  if (outcome === 'passed') return `${label} ${formatMargin(entry)}${formatStages(entry)}.`;
  const times = count === 1 ? '' : ` (${count} in a row)`;
  return `${label}${times}: ${explainCause(entry)}.`;
}

const LABELS: Readonly<Record<JournalEntry['outcome'], string>> = {
  passed: 'Passed',
  wrong_answer: 'Wrong answer',
  late: 'Late',
  missed: 'Missed',
  not_challenged: 'Not challenged',
  chunk_unreadable: 'Chunk unreadable',
  node_error: 'Node error',
  unknown: 'Unknown',
};

function explainCause(entry: JournalEntry): string {
  const { cause, attempts, outcome } = entry;
  switch (cause) {
    case 'farmer_stopped':
      return 'the farmer was not running at the deadline';
    case 'no_worker':
      return `the challenge arrived ${formatLead(entry, entry.receivedAt)} the deadline, but no worker was free for ${formatSpan(entry.queuedAt, entry.settledAt)}`;
    case 'slow_read':
      return entry.hashedAt === undefined
        ? `a worker started to read the chunk ${formatLead(entry, entry.readAt)} the deadline, but did not finish in time`
        : `reading the chunk took ${formatSpan(entry.readAt, entry.hashedAt)}, which left no time to send the answer`;
    case 'chunk_not_generated':
      return 'the chunk was still being generated at the deadline';
    case 'chunk_lost':
      return 'the chunk was missing, corrupt or on a failed disk, and was not rebuilt in time';
    case 'tag_lost':
      return "the contract's tag is lost, without which nothing can be proved";
    case 'invalid_challenge':
      return "the node's challenge does not belong to this contract";
    case 'node_unreachable':
      return 'the node returned no list of open challenges';
    case 'not_acknowledged':
      return attempts === 0
        ? 'the answer was ready, but could not be sent because the node was failing'
        : `the answer was sent ${formatTimes(attempts)}, first ${formatLead(entry, entry.sentAt)} the deadline, but never acknowledged`;
    case 'not_listed':
      return 'the node responded, but listed no challenge for this contract';
    case 'answer_rejected':
      return `the node rejected the answer ${formatMargin(entry)}${outcome === 'wrong_answer' ? ', although the chunk was intact' : ''}${formatStages(entry)}`;
    case 'state_lost':
      return "the farmer's state was lost or restored, so only the node knows the result";
    case undefined:
      return 'the cause is unknown';
  }
}

/** The stages that the answer went through, with their durations. */
function formatStages({ receivedAt, queuedAt, readAt, hashedAt, sentAt, acknowledgedAt, attempts }: JournalEntry) {
  const stages = [
    formatStage('chunk generated in', receivedAt, queuedAt),
    formatStage('waited for a worker', queuedAt, readAt),
    formatStage('chunk read in', readAt, hashedAt),
    formatStage('answer queued', hashedAt, sentAt),
    formatStage(
      attempts > 1 ? `answer sent ${formatTimes(attempts)} and acknowledged in` : 'answer acknowledged in',
      sentAt,
      acknowledgedAt,
    ),
  ].filter((stage) => stage !== undefined);
  return stages.length === 0 ? '' : ` (${stages.join(', ')})`;
}

/** Shorter stages are left out. */
const MIN_SHOWN_MS = 1;

function formatStage(label: string, from: Instant | undefined, to: Instant | undefined): string | undefined {
  if (from === undefined || to === undefined || to - from < MIN_SHOWN_MS) return undefined;
  return `${label} ${formatDuration(to - from)}`;
}

function formatMargin({ dueAt, settledAt }: JournalEntry): string {
  return settledAt > dueAt
    ? `${formatDuration(settledAt - dueAt)} after the deadline`
    : `${formatDuration(dueAt - settledAt)} before the deadline`;
}

function formatLead({ dueAt }: JournalEntry, at: Instant | undefined): string {
  return at === undefined ? 'before' : `${formatDuration(Math.max(0, dueAt - at))} before`;
}

function formatSpan(from: Instant | undefined, to: Instant | undefined): string {
  return from === undefined || to === undefined ? 'some time' : formatDuration(Math.max(0, to - from));
}

function formatTimes(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
