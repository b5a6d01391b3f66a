import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { NodeError } from '../../src/farming/errors.ts';
import { Session } from '../../src/farming/session.ts';
import { MemoryStore } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;

/** A session with a node whose first registrations throw `failures`, and the times of all attempts in seconds. */
function aSession(failures: NodeError[]) {
  const clock = new FakeClock();
  const startedAt = clock.now();
  const tries: number[] = [];
  const register = async () => {
    tries.push((clock.now() - startedAt) / SECOND);
    const failure = failures.shift();
    if (failure) throw failure;
    return 'token';
  };
  const random = { next: () => 1 };
  const session = new Session(
    { address: 'a' },
    { node: { register }, tokens: new MemoryStore(), clock, random, log: new FakeLogger() },
  );
  const open = session.open(new AbortController().signal);
  return { clock, session, tries, open };
}

const unreachable = () => new NodeError('unreachable', 'new', 'unreachable');

describe('Session', () => {
  it('retries the registration with growing pauses of at most half a minute', async () => {
    const { clock, tries } = aSession(Array.from({ length: 8 }, unreachable));
    await clock.advance(200 * SECOND);
    expect(tries).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
  });

  it('registers at most five times in five minutes, however often the node rejects the token', async () => {
    const { clock, session, tries, open } = aSession([]);
    await open;
    void (async () => {
      for (let n = 0; n < 100; n++) await session.register(new AbortController().signal);
    })();
    await clock.advance(601 * SECOND);
    expect(tries).toEqual([0, 300, 600].flatMap((at) => Array<number>(5).fill(at)));
  });

  it('retries as soon as the circuit breaker allows a request', async () => {
    const open = new NodeError('circuit_open', 'new', 'open', { retryAfterMs: 4 * SECOND });
    const { clock, session, tries } = aSession([...Array.from({ length: 7 }, unreachable), open]);
    await clock.advance(200 * SECOND);
    expect(tries.slice(-2)).toEqual([91, 95]);
    expect(session.token).toBe('token');
  });
});
