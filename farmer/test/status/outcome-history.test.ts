import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { OutcomeHistory } from '../../src/status/outcome-history.ts';
import { FakeOutcomes } from '../fakes/fake-farmer.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const total = (spans: readonly { passed: number; failed: number }[]) =>
  spans.reduce((sum, { passed, failed }) => sum + passed + failed, 0);

describe('OutcomeHistory', () => {
  it('returns half an hour by the minute at first, the current minute last', () => {
    const history = new OutcomeHistory(0);
    history.passed(900, 0);
    history.passed(500, 59_999);
    history.failed('missed', 3, undefined, MINUTE);
    history.failed('missed', 1, -100, MINUTE);
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
    for (let minute = 0; minute < 5 * 60; minute++) history.passed(1, minute * MINUTE);
    const spans = history.getSpans(5 * HOUR - 1);
    expect(spans.map(({ minutes }) => minutes)).toEqual(new Array(100).fill(3));
    expect(total(spans)).toBe(300);
  });

  it('drops outcomes older than twelve hours', () => {
    const history = new OutcomeHistory(0);
    for (let minute = 0; minute < 48 * 60; minute++) history.passed(1, minute * MINUTE);
    expect(total(history.getSpans(48 * HOUR - 1))).toBe(12 * 60);
    expect(history.sumWithin(100 * HOUR, 48 * HOUR - 1).passed).toBe(12 * 60);
    expect(total(history.getSpans(100 * HOUR))).toBe(0);
  });

  it('returns the most frequent failure reason of a window', () => {
    const history = new OutcomeHistory(0);
    history.failed('late', 5, -1, 0);
    history.failed('missed', 2, undefined, 10 * MINUTE);
    history.failed('node_error', 1, undefined, 10 * MINUTE);
    history.failed('node_error', 2, undefined, 11 * MINUTE);
    expect(history.sumWithin(5 * MINUTE, 12 * MINUTE).mainReason).toBe('node_error');
    expect(history.sumWithin(15 * MINUTE, 12 * MINUTE).mainReason).toBe('late');
  });

  it('adds up the outcomes of a window', () => {
    const history = new OutcomeHistory(0);
    history.passed(1, 0);
    history.failed('missed', 2, undefined, 10 * MINUTE);
    history.passed(1, 20 * MINUTE);
    expect(history.sumWithin(10 * MINUTE, 20 * MINUTE)).toEqual({ passed: 1, failed: 2, mainReason: 'missed' });
    expect(history.sumWithin(9 * MINUTE, 20 * MINUTE)).toEqual({ passed: 1, failed: 0 });
  });

  it('records the outcomes that it passes on', () => {
    const clock = new FakeClock();
    const history = new OutcomeHistory(clock.now());
    const outcomes = new FakeOutcomes();
    const recorder = history.recordFrom(outcomes, clock);
    recorder.challengePassed(900, clock.now());
    recorder.challengeFailed('late', 2, -100);
    expect(history.sumWithin(MINUTE, clock.now())).toMatchObject({ passed: 1, failed: 2, mainReason: 'late' });
    expect({ passes: outcomes.passes, failures: outcomes.failures }).toEqual({
      passes: [900],
      failures: [{ reason: 'late', count: 2 }],
    });
  });
});
