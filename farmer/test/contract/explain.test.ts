import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OUTCOMES } from '../../src/contract/contract.ts';
import { explain } from '../../src/contract/explain.ts';
import { CAUSES, type JournalEntry } from '../../src/contract/journal-entry.ts';
import { makeId, T0 } from '../fakes/builders.ts';

const entry = (changes: Partial<JournalEntry> = {}): JournalEntry => ({
  contract: makeId(1),
  round: 3,
  count: 1,
  intervalMs: 60_000,
  dueAt: T0 + 60_000,
  settledAt: T0 + 60_000,
  outcome: 'missed',
  receivedAt: T0 + 100,
  queuedAt: T0 + 100,
  attempts: 0,
  ...changes,
});
const answered = {
  readAt: T0 + 200,
  hashedAt: T0 + 450,
  sentAt: T0 + 450,
  acknowledgedAt: T0 + 470,
  settledAt: T0 + 470,
  attempts: 1,
};

describe('explain', () => {
  it.each<[Partial<JournalEntry>, string]>([
    [
      { outcome: 'passed', ...answered },
      'Passed 59.5 s before the deadline (waited for a worker 100 ms, chunk read in 250 ms, answer acknowledged in 20 ms).',
    ],
    [
      { outcome: 'passed', ...answered, attempts: 3, acknowledgedAt: T0 + 5_450 },
      'Passed 59.5 s before the deadline (waited for a worker 100 ms, chunk read in 250 ms, answer sent 3 times and acknowledged in 5.0 s).',
    ],
    [
      { outcome: 'missed', cause: 'farmer_stopped', count: 12 },
      'Missed (12 in a row): the farmer was not running at the deadline.',
    ],
    [
      { outcome: 'unknown', cause: 'state_lost', count: 7 },
      "Unknown (7 in a row): the farmer's state was lost or restored, so only the node knows the result.",
    ],
    [
      { outcome: 'missed', cause: 'no_worker' },
      'Missed: the challenge arrived 59.9 s before the deadline, but no worker was free for 59.9 s.',
    ],
    [
      { outcome: 'missed', cause: 'slow_read', readAt: T0 + 1_000 },
      'Missed: a worker started to read the chunk 59.0 s before the deadline, but did not finish in time.',
    ],
    [
      { outcome: 'missed', cause: 'slow_read', readAt: T0 + 1_000, hashedAt: T0 + 59_000 },
      'Missed: reading the chunk took 58.0 s, which left no time to send the answer.',
    ],
    [
      { outcome: 'missed', cause: 'chunk_not_generated' },
      'Missed: the chunk was still being generated at the deadline.',
    ],
    [
      { outcome: 'chunk_unreadable', cause: 'chunk_lost' },
      'Chunk unreadable: the chunk was missing, corrupt or on a failed disk, and was not rebuilt in time.',
    ],
    [{ outcome: 'node_error', cause: 'node_unreachable' }, 'Node error: the node returned no list of open challenges.'],
    [
      { outcome: 'node_error', cause: 'not_acknowledged' },
      'Node error: the answer was ready, but could not be sent because the node was failing.',
    ],
    [
      { outcome: 'node_error', cause: 'not_acknowledged', sentAt: T0 + 30_000, attempts: 4 },
      'Node error: the answer was sent 4 times, first 30.0 s before the deadline, but never acknowledged.',
    ],
    [
      { outcome: 'not_challenged', cause: 'not_listed' },
      'Not challenged: the node responded, but listed no challenge for this contract.',
    ],
    [
      { outcome: 'wrong_answer', cause: 'answer_rejected', ...answered },
      'Wrong answer: the node rejected the answer 59.5 s before the deadline, although the chunk was intact (waited for a worker 100 ms, chunk read in 250 ms, answer acknowledged in 20 ms).',
    ],
    [
      { outcome: 'late', cause: 'answer_rejected', ...answered, settledAt: T0 + 61_000 },
      'Late: the node rejected the answer 1.0 s after the deadline (waited for a worker 100 ms, chunk read in 250 ms, answer acknowledged in 20 ms).',
    ],
    [{ outcome: 'missed', cause: undefined }, 'Missed: the cause is unknown.'],
  ])('explains %j', (changes, sentence) => {
    expect(explain(entry(changes))).toBe(sentence);
  });

  it('returns one complete sentence of bounded length for every journal entry', () => {
    const at = fc.option(fc.integer({ min: T0, max: T0 + 10 ** 9 }), { nil: undefined });
    const anyEntry = fc.record({
      contract: fc.constant(makeId(1)),
      round: fc.nat(),
      count: fc.integer({ min: 1, max: 10 ** 6 }),
      intervalMs: fc.constant(60_000),
      dueAt: fc.integer({ min: T0, max: T0 + 10 ** 9 }),
      settledAt: fc.integer({ min: T0, max: T0 + 10 ** 9 }),
      outcome: fc.constantFrom(...OUTCOMES),
      cause: fc.constantFrom(undefined, ...CAUSES),
      receivedAt: at,
      queuedAt: at,
      readAt: at,
      hashedAt: at,
      sentAt: at,
      acknowledgedAt: at,
      attempts: fc.nat(100),
    });
    fc.assert(
      fc.property(anyEntry, (given) => {
        expect(explain(given)).toMatch(/^[A-Z][^.!?]*(?:\d\.\d[^.!?]*)*\.$/);
        expect(explain(given)).not.toMatch(/undefined|NaN|null|-\d/);
        expect(explain(given).length).toBeLessThan(400);
      }),
    );
  });
});
