import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FailureReason } from '../../src/contract/contract.ts';
import type { SettledRounds } from '../../src/contract/journal-entry.ts';
import { OutcomeHistory } from '../../src/status/outcome-history.ts';
import { FakeOutcomes } from '../fakes/fake-farmer.ts';
import { entry } from '../fakes/state-dir.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A challenge that passed at an instant, some time before its deadline. */
const passed = (slackMs: number, at: number): SettledRounds => ({
  ...{ outcome: 'passed', count: 1, intervalMs: MINUTE, dueAt: at + slackMs, settledAt: at },
});
/** Challenges that fell due at an instant. */
const failed = (outcome: FailureReason, count: number, at: number): SettledRounds => ({
  ...{ outcome, count, intervalMs: 0, dueAt: at, settledAt: at },
});
const rejected = (slackMs: number, at: number): SettledRounds => ({
  ...{ outcome: 'late', cause: 'answer_rejected', count: 1, intervalMs: MINUTE, dueAt: at + slackMs, settledAt: at },
});
const total = (spans: readonly { passed: number; failed: number }[]) =>
  spans.reduce((sum, { passed, failed }) => sum + passed + failed, 0);

describe('OutcomeHistory', () => {
  it('returns half an hour by the minute at first, the current minute last', () => {
    const history = new OutcomeHistory(0);
    history.record(passed(900, 0));
    history.record(passed(500, 59_999));
    history.record(failed('missed', 3, MINUTE));
    history.record(rejected(-100, MINUTE));
    const spans = history.getSpans(MINUTE);
    expect(spans).toHaveLength(30);
    expect(spans.slice(-2)).toEqual([
      { from: 0, minutes: 1, passed: 2, failed: 0, minSlackMs: 500 },
      { from: MINUTE, minutes: 1, passed: 0, failed: 4, minSlackMs: -100 },
    ]);
    expect({ passed: history.lastPassedAt, failed: history.lastFailedAt }).toEqual({ passed: 59_999, failed: MINUTE });
  });

  it('merges minutes into longer spans as it grows and counts each outcome once', () => {
    const history = new OutcomeHistory(0);
    for (let minute = 0; minute < 5 * 60; minute++) history.record(passed(1, minute * MINUTE));
    const spans = history.getSpans(5 * HOUR - 1);
    expect(spans.map(({ minutes }) => minutes)).toEqual(new Array(100).fill(3));
    expect(total(spans)).toBe(300);
  });

  it('drops outcomes older than twelve hours', () => {
    const history = new OutcomeHistory(0);
    for (let minute = 0; minute < 48 * 60; minute++) history.record(passed(1, minute * MINUTE));
    expect(total(history.getSpans(48 * HOUR - 1))).toBe(12 * 60);
    expect(history.sumWithin(100 * HOUR, 48 * HOUR - 1).passed).toBe(12 * 60);
    expect(total(history.getSpans(100 * HOUR))).toBe(0);
  });

  it('returns the most frequent failure reason of a window', () => {
    const history = new OutcomeHistory(0);
    history.record(failed('late', 5, 0));
    history.record(failed('missed', 2, 10 * MINUTE));
    history.record(failed('node_error', 1, 10 * MINUTE));
    history.record(failed('node_error', 2, 11 * MINUTE));
    expect(history.sumWithin(5 * MINUTE, 12 * MINUTE).mainReason).toBe('node_error');
    expect(history.sumWithin(15 * MINUTE, 12 * MINUTE).mainReason).toBe('late');
  });

  it('adds up the outcomes of a window', () => {
    const history = new OutcomeHistory(0);
    history.record(passed(1, 0));
    history.record(failed('missed', 2, 10 * MINUTE));
    history.record(passed(1, 20 * MINUTE));
    expect(history.sumWithin(10 * MINUTE, 20 * MINUTE)).toEqual({ passed: 1, failed: 2, mainReason: 'missed' });
    expect(history.sumWithin(9 * MINUTE, 20 * MINUTE)).toEqual({ passed: 1, failed: 0 });
  });

  it('records the outcomes that it passes on', () => {
    const history = new OutcomeHistory(0);
    const outcomes = new FakeOutcomes();
    const recorder = history.recordFrom(outcomes);
    for (const outcome of ['passed', 'late', 'unknown'] as const)
      recorder.roundsSettled({ ...entry(1), ...passed(900, 0), outcome });
    recorder.timeLost(HOUR, { after: 0, now: MINUTE });
    expect({ unknown: outcomes.unknown, losses: outcomes.losses }).toEqual({ unknown: 1, losses: [HOUR] });
    expect(history.sumWithin(2 * HOUR, MINUTE)).toEqual({ passed: 1, failed: 1, mainReason: 'late' });
    expect(history.sumWithin(MINUTE, MINUTE)).toMatchObject({ passed: 0, failed: 0 });
  });

  it('counts the failures of a downtime when they fell due, not when they were settled', () => {
    const history = new OutcomeHistory(0);
    const settledAt = 10 * HOUR + 1;
    const [count, dueAt] = [8 * 60, 2 * HOUR + MINUTE];
    history.record({ outcome: 'missed', count, intervalMs: MINUTE, dueAt, settledAt });
    expect(history.sumWithin(10 * MINUTE, settledAt + MINUTE).failed).toBe(10);
    expect(history.sumWithin(12 * HOUR, settledAt).failed).toBe(count);
    expect(history.lastFailedAt).toBe(10 * HOUR);
  });

  it('counts each failure once, for any number of rounds and any interval', () => {
    const intervals = fc.integer({ min: 1, max: 5 * MINUTE });
    fc.assert(
      fc.property(intervals, fc.integer({ min: 1, max: 100 }), fc.nat(HOUR), (intervalMs, count, dueAt) => {
        const history = new OutcomeHistory(0);
        const settledAt = dueAt + count * intervalMs;
        history.record({ outcome: 'missed', count, intervalMs, dueAt, settledAt });
        expect(history.sumWithin(12 * HOUR, dueAt).failed).toBe(count);
      }),
      { numRuns: 50 },
    );
  });

  it('covers the time before the start as far as the journal does', () => {
    const history = new OutcomeHistory(20 * MINUTE);
    expect(history.completeSince).toBe(20 * MINUTE);
    history.load([failed('missed', 59, 12 * MINUTE), passed(1, 19 * MINUTE)], 10 * MINUTE);
    expect(history.sumWithin(10 * MINUTE, 20 * MINUTE)).toEqual({ passed: 1, failed: 59, mainReason: 'missed' });
    const { completeSince, lastPassedAt, lastFailedAt } = history;
    expect({ completeSince, lastPassedAt, lastFailedAt }).toEqual({
      completeSince: 10 * MINUTE,
      lastPassedAt: 19 * MINUTE,
      lastFailedAt: 12 * MINUTE,
    });
  });

  it('moves the past only once if several nodes report the same lost time', () => {
    const history = new OutcomeHistory(0);
    history.record(passed(1, 10 * MINUTE));
    const now = 20 * MINUTE;
    history.timeLost(HOUR, { after: now - MINUTE, now });
    history.timeLost(HOUR, { after: now - 2 * MINUTE, now: now + 1 });
    expect(history.lastPassedAt).toBe(10 * MINUTE - HOUR);
    expect(history.sumWithin(HOUR + 11 * MINUTE, now).passed).toBe(1);
    expect(history.sumWithin(HOUR, now).passed).toBe(0);
  });
});
