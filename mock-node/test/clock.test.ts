import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NodeClock } from '../src/clock/node-clock.ts';

const T0 = 1_000_000;

/** A clock whose real time is under the control of the test. */
function createClock(options: { scale?: number } = {}) {
  let real = T0;
  const clock = new NodeClock(() => real, options);
  return {
    clock,
    now: () => clock.now() - T0,
    pass: (ms: number) => {
      real += ms;
    },
  };
}

describe('NodeClock', () => {
  it('follows real time', () => {
    const { clock, now, pass } = createClock();
    expect(clock.now()).toBe(T0);
    pass(1_234);
    expect(now()).toBe(1_234);
    expect(clock.rate).toEqual({ mode: 'real', scale: 1 });
  });

  it('follows real time at its scale, in whole milliseconds', () => {
    const fast = createClock({ scale: 1_000 });
    fast.pass(3);
    expect(fast.now()).toBe(3_000);
    const slow = createClock({ scale: 0.25 });
    slow.pass(7);
    expect(slow.now()).toBe(1);
    slow.pass(1);
    expect(slow.now()).toBe(2);
  });

  it('stands still while it is frozen and then continues', () => {
    const { clock, now, pass } = createClock({ scale: 2 });
    pass(10);
    clock.setRate({ mode: 'frozen' });
    pass(1_000);
    expect(now()).toBe(20);
    expect(clock.rate).toEqual({ mode: 'frozen', scale: 2 });
    clock.setRate({ mode: 'real' });
    expect(now()).toBe(20);
    pass(5);
    expect(now()).toBe(30);
  });

  it('applies a new scale only from now on', () => {
    const { clock, now, pass } = createClock();
    pass(100);
    clock.setRate({ mode: 'real', scale: 10 });
    expect(now()).toBe(100);
    pass(100);
    expect(now()).toBe(1_100);
  });

  it('advances, frozen or not, and rejects negative steps', () => {
    const { clock, now, pass } = createClock();
    clock.advance(500);
    pass(10);
    expect(now()).toBe(510);
    clock.setRate({ mode: 'frozen' });
    clock.advance(90);
    pass(10);
    expect(now()).toBe(600);
    expect(() => clock.advance(-1)).toThrow('the clock cannot go back');
    expect(() => clock.advance(Number.NaN)).toThrow('the clock cannot go back');
  });

  it('restores its rate at a reset, and the real time only if no deadline depends on it', () => {
    const { clock, now, pass } = createClock({ scale: 3 });
    clock.setRate({ mode: 'frozen', scale: 7 });
    clock.advance(10_000);
    clock.reset({ keepNow: true });
    expect(now()).toBe(10_000);
    expect(clock.rate).toEqual({ mode: 'real', scale: 3 });
    pass(10);
    expect(now()).toBe(10_030);
    clock.reset({ keepNow: false });
    expect(now()).toBe(10);
  });

  it.each([0, 7_200_000, -7_200_000])(
    'continues a snapshot by the uptime if the system clock was wrong by %i ms',
    (wrongByMs) => {
      const before = new NodeClock(() => T0 + wrongByMs, {
        scale: 2,
        bootTime: () => ({ bootId: 'boot', uptimeMs: 1_000 }),
      });
      const snapshot = before.snapshot();
      const restart = (bootId: string) =>
        new NodeClock(() => T0 + 500, { scale: 2, snapshot, bootTime: () => ({ bootId, uptimeMs: 1_500 }) });
      expect(restart('boot').now() - before.now()).toBe(1_000);
      // After a restart of the machine only the system clock is left.
      expect(restart('next boot').now() - before.now()).toBe(2 * Math.max(0, 500 - wrongByMs));
    },
  );

  it('never goes back and always shows whole milliseconds', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('pass'), ms: fc.nat(100_000) }),
      fc.record({ what: fc.constant('advance'), ms: fc.nat(100_000) }),
      fc.record({ what: fc.constant('real'), ms: fc.integer({ min: 1, max: 1_000_000 }) }),
      fc.record({ what: fc.constant('frozen'), ms: fc.constant(0) }),
      fc.record({ what: fc.constant('reset'), ms: fc.constant(0) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 50 }),
        fc.double({ min: 0.001, max: 1_000, noNaN: true }),
        (steps, scale) => {
          const { clock, pass } = createClock({ scale });
          let last = clock.now();
          for (const { what, ms } of steps) {
            if (what === 'pass') pass(ms);
            if (what === 'advance') clock.advance(ms);
            if (what === 'real') clock.setRate({ mode: 'real', scale: ms / 1_000 });
            if (what === 'frozen') clock.setRate({ mode: 'frozen' });
            if (what === 'reset') clock.reset({ keepNow: true });
            const now = clock.now();
            expect(Number.isInteger(now)).toBe(true);
            expect(now).toBeGreaterThanOrEqual(last);
            last = now;
          }
        },
      ),
    );
  });
});
