import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FAILURE_REASONS } from '../../src/contract/contract.ts';
import { explain } from '../../src/contract/explain.ts';
import { CAUSES, type JournalEntry } from '../../src/contract/journal-entry.ts';
import { makeId, T0 } from '../fakes/builders.ts';

const entry = (but: Partial<JournalEntry> = {}): JournalEntry => ({
  contract: makeId(1),
  round: 3,
  count: 1,
  dueAt: T0 + 60_000,
  settledAt: T0 + 60_000,
  outcome: 'missed',
  receivedAt: T0 + 100,
  queuedAt: T0 + 100,
  attempts: 0,
  ...but,
});
const answered = {
  readAt: T0 + 200,
  hashedAt: T0 + 450,
  sentAt: T0 + 450,
  acknowledgedAt: T0 + 470,
  settledAt: T0 + 470,
  attempts: 1,
};

describe('a challenge is explained in one sentence:', () => {
  it.each<[Partial<JournalEntry>, string]>([
    [
      { outcome: 'passed', ...answered },
      'Passed: it waited for a worker 100 ms, it was read in 250 ms, it was acknowledged in 20 ms, with 59.5 s left.',
    ],
    [
      { outcome: 'passed', ...answered, attempts: 3, acknowledgedAt: T0 + 5_450 },
      'Passed: it waited for a worker 100 ms, it was read in 250 ms, it was sent 3 times and acknowledged after 5.0 s, with 59.5 s left.',
    ],
    [
      { outcome: 'missed', cause: 'farmer_stopped', count: 12 },
      'Missed (12 in a row): this farmer was not running when it fell due.',
    ],
    [
      { outcome: 'missed', cause: 'no_worker' },
      'Missed: it came 59.9 s before the deadline and waited 59.9 s for a worker, until there was no time left to read the chunk.',
    ],
    [
      { outcome: 'missed', cause: 'slow_read', readAt: T0 + 1_000 },
      'Missed: a worker began to read the chunk 59.0 s before the deadline, and was not done in time.',
    ],
    [
      { outcome: 'missed', cause: 'slow_read', readAt: T0 + 1_000, hashedAt: T0 + 59_000 },
      'Missed: the chunk was read in 58.0 s, too late to send the answer.',
    ],
    [
      { outcome: 'missed', cause: 'chunk_not_generated' },
      'Missed: its chunk was still being made for the first time when it fell due.',
    ],
    [
      { outcome: 'chunk_unreadable', cause: 'chunk_lost' },
      'No chunk: the chunk was missing, damaged, or on a disk that failed, and was not made again in time to be proved.',
    ],
    [
      { outcome: 'node_error', cause: 'node_unreachable' },
      'Not delivered: the node did not answer when it was asked for challenges.',
    ],
    [
      { outcome: 'node_error', cause: 'not_acknowledged' },
      'Not delivered: the answer was ready, but the node could not be reached.',
    ],
    [
      { outcome: 'node_error', cause: 'not_acknowledged', sentAt: T0 + 30_000, attempts: 4 },
      'Not delivered: the answer was sent 4 times, first 30.0 s before the deadline, and the node never acknowledged it.',
    ],
    [
      { outcome: 'not_challenged', cause: 'not_listed' },
      'Never asked: the node answered when it was asked for challenges, and listed none for this contract.',
    ],
    [
      { outcome: 'wrong_answer', cause: 'refused', ...answered },
      'Refused: it waited for a worker 100 ms, it was read in 250 ms, it was acknowledged in 20 ms, and the node said no with 59.5 s left, although the chunk was sound.',
    ],
    [
      { outcome: 'late', cause: 'refused', ...answered, settledAt: T0 + 61_000 },
      'Late: it waited for a worker 100 ms, it was read in 250 ms, it was acknowledged in 20 ms, and the node said no 1.0 s after the deadline.',
    ],
    [{ outcome: 'missed', cause: undefined }, 'Missed: nothing more is known.'],
  ])('%j', (but, sentence) => {
    expect(explain(entry(but))).toBe(sentence);
  });

  it('one that ends, is not too long, and has no gap, whatever is known', () => {
    const at = fc.option(fc.integer({ min: T0, max: T0 + 10 ** 9 }), { nil: undefined });
    const whatever = fc.record({
      contract: fc.constant(makeId(1)),
      round: fc.nat(),
      count: fc.integer({ min: 1, max: 10 ** 6 }),
      dueAt: fc.integer({ min: T0, max: T0 + 10 ** 9 }),
      settledAt: fc.integer({ min: T0, max: T0 + 10 ** 9 }),
      outcome: fc.constantFrom('passed' as const, ...FAILURE_REASONS),
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
      fc.property(whatever, (given) => {
        expect(explain(given)).toMatch(/^[A-Z][^.!?]*(?:\d\.\d[^.!?]*)*\.$/);
        expect(explain(given)).not.toMatch(/undefined|NaN|null|-\d/);
        expect(explain(given).length).toBeLessThan(400);
      }),
    );
  });
});
