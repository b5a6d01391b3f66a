import { getEventListeners } from 'node:events';
import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { SteadyClock, systemClock } from '../src/clock.ts';

/** A machine whose clock can be set and that can be suspended. */
function createMachine() {
  let wallMs = 1_000_000;
  let monotonicMs = 500;
  let uptimeMs = 70_000;
  const clock = new SteadyClock({
    wallMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    // Some machines report whole seconds.
    uptimeMs: () => Math.floor(uptimeMs / 1000) * 1000,
    bootTime: () => undefined,
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

describe('SteadyClock', () => {
  it('starts at the time of the system clock and runs at the same speed', () => {
    const { clock, pass } = createMachine();
    expect(clock.now()).toBe(1_000_000);
    pass(90_500);
    expect(clock.now()).toBe(1_090_500);
    expect(clock.toWallTime(clock.now())).toBe(1_090_500);
  });

  it.each([3_600_000, -3_600_000, 500])('ignores an adjustment of the system clock by %i ms', (byMs) => {
    const { clock, pass, set } = createMachine();
    pass(10_000);
    set(byMs);
    pass(10_000);
    expect(clock.now()).toBe(1_020_000);
  });

  it('converts instants to the time of the system clock and back', () => {
    const { clock, pass, set } = createMachine();
    pass(10_000);
    set(3_600_000);
    const due = clock.now() + 5_000;
    expect(clock.toWallTime(due)).toBe(1_015_000 + 3_600_000);
    expect(clock.toInstant(clock.toWallTime(due))).toBe(due);
  });

  it('includes the time during which the machine was suspended', () => {
    const { clock, pass, suspend } = createMachine();
    pass(10_000);
    suspend(600_000);
    pass(2_000);
    expect(Math.abs(clock.now() - 1_612_000)).toBeLessThanOrEqual(1_000);
  });

  it('includes a suspension immediately after it', () => {
    const { clock, pass, suspend } = createMachine();
    pass(10_000);
    suspend(600_000);
    expect(Math.abs(clock.now() - 1_610_000)).toBeLessThanOrEqual(1_000);
  });

  it('adds one listener to a signal for any number of sleepers, and removes it after the last one', async () => {
    const signals = [new AbortController(), new AbortController()] as const;
    const [stopping, other] = signals.map(({ signal }) => signal);
    const asleep = Array.from({ length: 1_000 }, () => systemClock.sleep(1_000_000, stopping).catch(() => 'woken'));
    await systemClock.sleep(1, other);
    expect(signals.map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([1, 0]);
    signals[0].abort();
    expect(new Set(await Promise.all(asleep))).toEqual(new Set(['woken']));
  });

  it('does not mistake the coarse resolution of the uptime for a suspension', () => {
    const { clock, pass } = createMachine();
    for (let hour = 0; hour < 3; hour++) pass(3_600_300);
    expect(clock.now()).toBe(1_000_000 + 3 * 3_600_300);
  });

  it('sleeps longer than the maximum timer of Node.js', async () => {
    const controller = new AbortController();
    let awake = false;
    const sleep = systemClock.sleep(2 ** 31, controller.signal).finally(() => {
      awake = true;
    });
    await systemClock.sleep(10);
    expect(awake).toBe(false);
    controller.abort('enough');
    await expect(sleep).rejects.toBe('enough');
  });
});

describe.each([
  ['SteadyClock', systemClock],
  ['FakeClock', new FakeClock()],
])('%s.sleep', (_, clock) => {
  it('rejects with the reason of the signal as soon as it is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const sleep = clock.sleep(1_000_000, controller.signal);
    controller.abort(reason);
    await expect(sleep).rejects.toBe(reason);
    await expect(clock.sleep(1, AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(clock.sleep(0, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY])('resolves immediately for %p ms', async (ms) => {
    await clock.sleep(ms);
  });
});

describe('FakeClock', () => {
  it('wakes sleepers in order, and first runs the work that each of them starts', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push(`${name}@${clock.now()}`);
    };
    void sleep('late', 20);
    void sleep('early', 10).then(() => sleep('again', 5));
    await clock.advance(30);
    expect(woken).toEqual(['early@10', 'again@15', 'late@20']);
  });

  it('forgets a sleeper that is aborted', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleep = clock.sleep(10, controller.signal);
    expect(clock.sleeperCount).toBe(1);
    controller.abort('enough');
    await expect(sleep).rejects.toBe('enough');
    expect(clock.sleeperCount).toBe(0);
  });
});
