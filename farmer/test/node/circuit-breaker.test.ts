import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NodeError, type NodeErrorCode } from '../../src/farming/errors.ts';
import { CircuitBreaker } from '../../src/node/circuit-breaker.ts';

const MAX_PAUSE_MS = 8_000;

/** Creates a breaker in front of a node that responds as scripted. */
function createBreaker(random = 1) {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  const breaker = new CircuitBreaker(
    { maxPauseMs: () => MAX_PAUSE_MS },
    { clock, random: { next: () => random }, onChange: (isOpen) => changes.push(isOpen) },
  );
  let sent = 0;
  const send = async (response: 'ok' | NodeErrorCode, more: { status?: number; retryAfterMs?: number } = {}) => {
    try {
      return await breaker.run('due', async () => {
        sent += 1;
        if (response === 'ok') return 'ok';
        throw new NodeError(response, 'due', 'no', more);
      });
    } catch (error) {
      return error instanceof NodeError ? error.code : String(error);
    }
  };
  const failFiveTimes = async () => {
    for (let n = 0; n < 5; n++) await send('timeout');
  };
  return { breaker, clock, changes, send, failFiveTimes, sent: () => sent };
}

describe('CircuitBreaker', () => {
  it('opens after five consecutive failures and sends nothing during the pause', async () => {
    const { breaker, send, failFiveTimes, changes, sent } = createBreaker();
    await failFiveTimes();
    expect({ isOpen: breaker.isOpen, retryAfterMs: breaker.retryAfterMs }).toEqual({
      isOpen: true,
      retryAfterMs: 1_000,
    });
    expect(await send('ok')).toBe('circuit_open');
    expect({ sent: sent(), changes }).toEqual({ sent: 5, changes: [true] });
  });

  it.each<[NodeErrorCode, { status?: number }]>([
    ['rejected', { status: 400 }],
    ['no_token', { status: 200 }],
    ['no_hash', {}],
    ['http_error', { status: 404 }],
  ])('stays closed on %s, which shows that the node works', async (code, more) => {
    const { breaker, send } = createBreaker();
    for (let n = 0; n < 20; n++) await send(code, more);
    expect(breaker.isOpen).toBe(false);
  });

  it.each<[NodeErrorCode, { status?: number }]>([
    ['unreachable', {}],
    ['invalid_response', {}],
    ['http_error', { status: 502 }],
    ['rejected', { status: 503 }],
    ['rejected', { status: 429 }],
  ])('opens on %s %j', async (code, more) => {
    const { breaker, send } = createBreaker();
    for (let n = 0; n < 5; n++) await send(code, more);
    expect(breaker.isOpen).toBe(true);
  });

  it('counts only consecutive failures', async () => {
    const { breaker, send } = createBreaker();
    for (let n = 0; n < 20; n++) await send(n % 5 === 4 ? 'ok' : 'timeout');
    expect(breaker.isOpen).toBe(false);
  });

  it('lets the next request through when a trial request hangs for the maximum pause', async () => {
    const { breaker, clock, send, failFiveTimes } = createBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    void breaker.run('due', () => new Promise(() => {}));
    await clock.advance(MAX_PAUSE_MS - 1);
    expect(await send('ok')).toBe('circuit_open');
    await clock.advance(1);
    expect(await send('ok')).toBe('ok');
  });

  it('sends one trial request after the pause and closes when it succeeds', async () => {
    const { breaker, clock, send, failFiveTimes, changes } = createBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    const gate = Promise.withResolvers<string>();
    const trial = breaker.run('due', async () => await gate.promise);
    expect(await send('ok')).toBe('circuit_open');
    gate.resolve('done');
    expect(await trial).toBe('done');
    expect(breaker.isOpen).toBe(false);
    expect(await send('ok')).toBe('ok');
    expect(changes).toEqual([true, false]);
  });

  it('doubles the pause with each failed trial request, up to the cap', async () => {
    const { breaker, clock, send, failFiveTimes } = createBreaker();
    await failFiveTimes();
    const pauses: (number | undefined)[] = [];
    for (let n = 0; n < 5; n++) {
      pauses.push(breaker.retryAfterMs);
      await clock.advance(breaker.retryAfterMs ?? 0);
      await send('unreachable');
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it('honors Retry-After up to the cap', async () => {
    const { breaker, send, failFiveTimes, clock } = createBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    await send('http_error', { status: 503, retryAfterMs: 5_000 });
    expect(breaker.retryAfterMs).toBe(5_000);
    await clock.advance(5_000);
    await send('http_error', { status: 503, retryAfterMs: 3_600_000 });
    expect(breaker.retryAfterMs).toBe(MAX_PAUSE_MS);
  });

  it('sends another trial request when one was aborted', async () => {
    const { breaker, clock, failFiveTimes, send } = createBreaker();
    await failFiveTimes();
    await clock.advance(1_000);
    await expect(breaker.run('due', async () => await Promise.reject(new Error('stopping')))).rejects.toThrow(
      'stopping',
    );
    expect(await send('ok')).toBe('ok');
  });

  it('never pauses for longer than the cap and always closes on success, for any sequence of outcomes', async () => {
    const step = fc.record({ fails: fc.boolean(), afterMs: fc.nat(10_000), retryAfterMs: fc.nat(100_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const { breaker, clock, send } = createBreaker(0.7);
        for (const { fails, afterMs, retryAfterMs } of steps) {
          await send(fails ? 'unreachable' : 'ok', { retryAfterMs });
          expect(breaker.retryAfterMs ?? 0).toBeLessThanOrEqual(MAX_PAUSE_MS);
          await clock.advance(afterMs);
        }
        await clock.advance(MAX_PAUSE_MS);
        expect(await send('ok')).toBe('ok');
        expect(breaker.isOpen).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});
