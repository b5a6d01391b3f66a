import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { SteadyClock, systemClock } from '../src/clock.ts';

/** A machine whose clock can be set, and that can be suspended. */
function aMachine() {
  let wallMs = 1_000_000;
  let monotonicMs = 500;
  let uptimeMs = 70_000;
  const clock = new SteadyClock({
    wallMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    // In whole seconds, as some machines tell it.
    uptimeMs: () => Math.floor(uptimeMs / 1000) * 1000,
  });
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) {
      const step = Math.min(left, 1_000);
      wallMs += step;
      monotonicMs += step;
      uptimeMs += step;
      clock.now();
    }
  };
  return {
    clock,
    pass,
    set: (byMs: number) => {
      wallMs += byMs;
    },
    suspend: (ms: number) => {
      wallMs += ms;
      uptimeMs += ms;
    },
  };
}

describe('a steady clock', () => {
  it("begins with the machine's, and runs with it", () => {
    const { clock, pass } = aMachine();
    expect(clock.now()).toBe(1_000_000);
    pass(90_500);
    expect(clock.now()).toBe(1_090_500);
    expect(clock.toWallTime(clock.now())).toBe(1_090_500);
  });

  it.each([3_600_000, -3_600_000, 500])("does not notice that the machine's clock is set by %i ms", (byMs) => {
    const { clock, pass, set } = aMachine();
    pass(10_000);
    set(byMs);
    pass(10_000);
    expect(clock.now()).toBe(1_020_000);
  });

  it("tells what the machine's clock shows at its own instants, and the other way round", () => {
    const { clock, pass, set } = aMachine();
    pass(10_000);
    set(3_600_000);
    const due = clock.now() + 5_000;
    expect(clock.toWallTime(due)).toBe(1_015_000 + 3_600_000);
    expect(clock.toInstant(clock.toWallTime(due))).toBe(due);
  });

  it('counts the time that the machine was suspended, as the node does', () => {
    const { clock, pass, suspend } = aMachine();
    pass(10_000);
    suspend(600_000);
    pass(2_000);
    expect(Math.abs(clock.now() - 1_612_000)).toBeLessThanOrEqual(1_000);
  });

  it('counts it at once, not only a while after it woke', () => {
    const { clock, pass, suspend } = aMachine();
    pass(10_000);
    suspend(600_000);
    expect(Math.abs(clock.now() - 1_610_000)).toBeLessThanOrEqual(1_000);
  });

  it('listens to a signal once, however many sleep under it, and lets go of those that woke', async () => {
    const signals = [new AbortController(), new AbortController()] as const;
    const [stopping, other] = signals.map(({ signal }) => signal);
    const asleep = Array.from({ length: 1_000 }, () => systemClock.sleep(1_000_000, stopping).catch(() => 'woken'));
    await systemClock.sleep(1, other);
    expect(signals.map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([1, 0]);
    signals[0].abort();
    expect(new Set(await Promise.all(asleep))).toEqual(new Set(['woken']));
  });

  it('takes the coarseness of the uptime for no suspension, however long it runs', () => {
    const { clock, pass } = aMachine();
    for (let hour = 0; hour < 3; hour++) pass(3_600_300);
    expect(clock.now()).toBe(1_000_000 + 3 * 3_600_300);
  });
});
