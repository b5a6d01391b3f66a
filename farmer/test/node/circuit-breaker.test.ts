import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NodeError, type NodeErrorCode } from '../../src/farming/errors.ts';
import { CircuitBreaker } from '../../src/node/circuit-breaker.ts';

const MAX_PAUSE_MS = 8_000;

/** A breaker, and a node behind it that answers as it is told. */
function aBreaker(random = 1) {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  const breaker = new CircuitBreaker(
    { maxPauseMs: () => MAX_PAUSE_MS },
    { clock, random: { random: () => random }, onChange: (isOpen) => changes.push(isOpen) },
  );
  let sent = 0;
  const ask = async (answer: 'ok' | NodeErrorCode, more: { status?: number; retryAfterMs?: number } = {}) => {
    try {
      return await breaker.run('due', async () => {
        sent += 1;
        if (answer === 'ok') return 'ok';
        throw new NodeError(answer, 'due', 'no', more);
      });
    } catch (error) {
      return error instanceof NodeError ? error.code : String(error);
    }
  };
  const failFiveTimes = async () => {
    for (let n = 0; n < 5; n++) await ask('timeout');
  };
  return { breaker, clock, changes, ask, failFiveTimes, sent: () => sent };
}

describe('a circuit breaker', () => {
  it('sends nothing for a while after five failures in a row', async () => {
    const { breaker, ask, failFiveTimes, changes, sent } = aBreaker();
    await failFiveTimes();
    expect([breaker.isOpen, breaker.retryAfterMs]).toEqual([true, 1_000]);
    expect(await ask('ok')).toBe('circuit_open');
    expect([sent(), changes]).toEqual([5, [true]]);
  });

  it.each<[NodeErrorCode, { status?: number }]>([
    ['rejected', { status: 400 }],
    ['no_token', { status: 200 }],
    ['no_hash', {}],
    ['http_error', { status: 404 }],
  ])('takes %s for a sign of life', async (code, more) => {
    const { breaker, ask } = aBreaker();
    for (let n = 0; n < 20; n++) await ask(code, more);
    expect(breaker.isOpen).toBe(false);
  });

  it.each<[NodeErrorCode, { status?: number }]>([
    ['unreachable', {}],
    ['bad_reply', {}],
    ['http_error', { status: 502 }],
    ['rejected', { status: 503 }],
    ['rejected', { status: 429 }],
  ])('opens on %s %j', async (code, more) => {
    const { breaker, ask } = aBreaker();
    for (let n = 0; n < 5; n++) await ask(code, more);
    expect(breaker.isOpen).toBe(true);
  });

  it('counts failures in a row only', async () => {
    const { breaker, ask } = aBreaker();
    for (let n = 0; n < 20; n++) await ask(n % 5 === 4 ? 'ok' : 'timeout');
    expect(breaker.isOpen).toBe(false);
  });

  it('waits for an attempt that hangs no longer than it may pause', async () => {
    const { breaker, clock, ask, failFiveTimes } = aBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    void breaker.run('due', () => new Promise(() => {}));
    await clock.advance(MAX_PAUSE_MS - 1);
    expect(await ask('ok')).toBe('circuit_open');
    await clock.advance(1);
    expect(await ask('ok')).toBe('ok');
  });

  it('lets one attempt through when the pause is over, and closes when it succeeds', async () => {
    const { breaker, clock, ask, failFiveTimes, changes } = aBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    const gate = Promise.withResolvers<string>();
    const attempt = breaker.run('due', async () => await gate.promise);
    expect(await ask('ok')).toBe('circuit_open');
    gate.resolve('done');
    expect(await attempt).toBe('done');
    expect([breaker.isOpen, await ask('ok'), changes]).toEqual([false, 'ok', [true, false]]);
  });

  it('doubles the pause with each attempt that fails, up to its cap', async () => {
    const { breaker, clock, ask, failFiveTimes } = aBreaker();
    await failFiveTimes();
    const pauses: (number | undefined)[] = [];
    for (let n = 0; n < 5; n++) {
      pauses.push(breaker.retryAfterMs);
      await clock.advance(breaker.retryAfterMs ?? 0);
      await ask('unreachable');
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it('waits as long as the node wants, up to its cap', async () => {
    const { breaker, ask, failFiveTimes, clock } = aBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    await ask('http_error', { status: 503, retryAfterMs: 5_000 });
    expect(breaker.retryAfterMs).toBe(5_000);
    await clock.advance(5_000);
    await ask('http_error', { status: 503, retryAfterMs: 3_600_000 });
    expect(breaker.retryAfterMs).toBe(MAX_PAUSE_MS);
  });

  it('lets another attempt through when one was given up', async () => {
    const { breaker, clock, failFiveTimes, ask } = aBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    await expect(breaker.run('due', async () => await Promise.reject(new Error('stopping')))).rejects.toThrow(
      'stopping',
    );
    expect(await ask('ok')).toBe('ok');
  });

  it('never keeps requests back for longer than its cap, and always closes on a success, whatever happened', async () => {
    const step = fc.record({ fails: fc.boolean(), afterMs: fc.nat(10_000), wants: fc.nat(100_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const { breaker, clock, ask } = aBreaker(0.7);
        for (const { fails, afterMs, wants } of steps) {
          await ask(fails ? 'unreachable' : 'ok', { retryAfterMs: wants });
          expect(breaker.retryAfterMs ?? 0).toBeLessThanOrEqual(MAX_PAUSE_MS);
          await clock.advance(afterMs);
        }
        await clock.advance(MAX_PAUSE_MS);
        expect(await ask('ok')).toBe('ok');
        expect(breaker.isOpen).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});
