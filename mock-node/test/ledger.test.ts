import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_FARMERS } from '../src/ledger/farmers.ts';
import { SeededRandom } from '../src/ledger/seeded-random.ts';
import { createLedger, IDENTITY, INTERVAL, T0, TOKEN } from './support/ledger.ts';

describe('Ledger', () => {
  it('opens one challenge per interval and lists it until it is answered', () => {
    const { accept, answer, challengeAt, results } = createLedger();
    const first = accept();
    expect(challengeAt(T0)).toBe(first);
    expect(answer(first, T0 + 1)).toBe('pass');
    expect(challengeAt(T0 + INTERVAL - 1)).toBeUndefined();
    const second = challengeAt(T0 + INTERVAL);
    expect(second).toMatch(/^0\.\d{9}$/);
    expect(second).not.toBe(first);
    expect(answer(second ?? '', T0 + 2 * INTERVAL - 1)).toBe('pass');
    expect(results).toEqual({ passed: 2, wrong: 0, unanswered: 0 });
  });

  it('settles a challenge with the first answer: repeating it passes again, any other fails and changes nothing', () => {
    const { ledger, accept, answer, results } = createLedger();
    const challenge = accept();
    expect(answer(challenge, T0)).toBe('pass');
    expect(answer(challenge, T0 + 1)).toBe('pass');
    expect(ledger.digests.answer(TOKEN, { hash: 'hash', response: 'other' }, T0 + 2)).toBe('fail');
    expect(answer(challenge, T0 + 3)).toBe('pass');
    expect(results).toEqual({ passed: 1, wrong: 0, unanswered: 0 });
  });

  it('settles a challenge with a wrong first answer, so that a later correct one fails', () => {
    const { ledger, accept, answer, challengeAt, results } = createLedger();
    const challenge = accept();
    expect(ledger.digests.answer(TOKEN, { hash: 'hash', response: 'wrong' }, T0)).toBe('fail');
    expect(answer(challenge, T0 + 1)).toBe('fail');
    expect(challengeAt(T0 + 2)).toBeUndefined();
    expect(results).toEqual({ passed: 0, wrong: 1, unanswered: 0 });
  });

  it('counts a repeated wrong answer once', () => {
    const { ledger, token, accept, results } = createLedger();
    accept();
    for (let n = 0; n < 5; n++)
      expect(ledger.digests.answer(token, { hash: 'hash', response: 'wrong' }, T0 + n)).toBe('fail');
    expect(results).toEqual({ passed: 0, wrong: 1, unanswered: 0 });
    expect(ledger.getListing(token, T0 + 10)?.all).toEqual(['hash']);
  });

  it('verifies a late answer against the challenge that is open on arrival', () => {
    const { accept, answer, challengeAt, results } = createLedger();
    expect(answer(accept(), T0 + INTERVAL)).toBe('fail');
    expect(results).toEqual({ passed: 0, wrong: 1, unanswered: 1 });
    expect(challengeAt(T0 + INTERVAL)).toBeUndefined();
  });

  it('reports which wrong answers are late: they are right for the previous challenge', () => {
    const { accept, answer, events } = createLedger();
    answer(accept(), T0 + INTERVAL);
    answer('no challenge', T0 + 2 * INTERVAL);
    expect(events.filter((event) => event.startsWith('wrong'))).toEqual(['wrong 1 hash (late)', 'wrong 1 hash']);
  });

  it('does not return to an earlier round when the clock goes back', () => {
    const { accept, answer, challengeAt } = createLedger();
    const first = accept();
    const second = challengeAt(T0 + INTERVAL) ?? '';
    expect(challengeAt(T0)).toBe(second);
    expect(answer(second, T0)).toBe('pass');
    expect(answer(first, T0)).toBe('fail');
  });

  it('frees the contracts of a farmer that sends no more requests', () => {
    const { ledger, accept, results } = createLedger({ maxContracts: 1 });
    accept();
    expect(ledger.reserveContract(T0 + 3 * INTERVAL - 1)).toBeUndefined();
    expect(ledger.reserveContract(T0 + 3 * INTERVAL)).toBeDefined();
    expect(results.unanswered).toBe(3);
  });

  it('ends a contract as soon as it has failed too often', () => {
    const { ledger, token, accept } = createLedger({ maxFailures: 1 });
    accept();
    expect(ledger.digests.answer(token, { hash: 'hash', response: 'wrong' }, T0)).toBe('fail');
    expect(ledger.digests.remove(token, 'hash', T0)).toBe('no_hash');
    expect(ledger.getListing(token, T0)).toEqual({ all: [], due: [], settled: [] });
    expect(ledger.running).toBe(0);
  });

  it('counts unanswered challenges before it removes a contract', () => {
    const { ledger, token, accept, results } = createLedger();
    accept();
    expect(ledger.digests.remove(token, 'hash', T0 + 2 * INTERVAL)).toBe('ok');
    expect(results.unanswered).toBe(2);
  });

  it('counts one contract when a farmer gets the same chunk twice', () => {
    const { ledger, token, accept } = createLedger();
    accept();
    accept();
    expect(ledger.running).toBe(1);
    ledger.digests.remove(token, 'hash', T0);
    expect(ledger.running).toBe(0);
  });

  it('frees a cancelled reservation', () => {
    const { ledger, accept } = createLedger({ maxContracts: 1 });
    expect(ledger.reserveContract(T0)).toBeDefined();
    expect(accept).toThrow('no contract');
    ledger.cancelReservation();
    expect(accept()).toMatch(/^0\./);
  });

  it('returns the secret of a chunk while its contract is running', () => {
    const { ledger, accept } = createLedger();
    accept();
    expect(ledger.digests.getChunkSecret('hash', T0 + 3 * INTERVAL - 1)).toMatch(/^[0-9a-f]{10}$/);
    expect(ledger.digests.getChunkSecret('hash', T0 + 3 * INTERVAL)).toBeUndefined();
    expect(ledger.digests.getChunkSecret('other', T0)).toBeUndefined();
  });

  it('separates farmers and contracts', () => {
    const { ledger, token, accept, answer } = createLedger();
    const first = accept();
    const second = accept('second', T0 + 1);
    const other = ledger.register(IDENTITY);
    expect(other).not.toBe(token);
    expect(answer(first, T0 + 2)).toBe('pass');
    expect(ledger.getListing(token, T0 + 2)).toEqual({
      all: ['hash', 'second'],
      due: [{ hash: 'second', challenge: second }],
      settled: [{ hash: 'hash', challenge: first }],
    });
    expect(ledger.getListing(other, T0 + 2)).toEqual({ all: [], due: [], settled: [] });
    expect(new Set(ledger.getListing(token, T0 + INTERVAL + 1)?.due.map(({ challenge }) => challenge)).size).toBe(2);
    expect(ledger.digests.answer(other, { hash: 'second', response: `right:${second}` }, T0 + INTERVAL + 1)).toBe(
      'no_hash',
    );
  });

  it('keeps a bounded number of farmers: a new one replaces the oldest without contracts', () => {
    const { ledger, token, accept } = createLedger();
    accept();
    const tokens = Array.from({ length: 2 * MAX_FARMERS }, () => ledger.register(IDENTITY));
    expect(ledger.farmers).toBe(MAX_FARMERS);
    expect(ledger.getListing(token, T0)?.all).toEqual(['hash']);
    expect({ first: ledger.hasFarmer(tokens[0] ?? ''), last: ledger.hasFarmer(tokens.at(-1) ?? '') }).toEqual({
      first: false,
      last: true,
    });
  });

  it('registers no farmer while the maximum of farmers have contracts', () => {
    const { ledger, accept } = createLedger({ maxContracts: MAX_FARMERS });
    accept();
    for (let n = 1; n < MAX_FARMERS; n++) accept('hash', T0, ledger.register(IDENTITY));
    expect(ledger.canRegister()).toBe(false);
    ledger.expire('hash', T0);
    expect(ledger.canRegister()).toBe(true);
  });

  it('ends a contract after the maximum of consecutive failures and frees its place', () => {
    const { ledger, token, accept, answer, results } = createLedger({ maxContracts: 1 });
    const challenge = accept();
    expect(ledger.getListing(token, T0 + 3 * INTERVAL - 1)?.all).toEqual(['hash']);
    expect(ledger.reserveContract(T0 + 3 * INTERVAL - 1)).toBeUndefined();
    expect(ledger.getListing(token, T0 + 3 * INTERVAL)).toEqual({ all: [], due: [], settled: [] });
    expect(answer(challenge, T0 + 3 * INTERVAL)).toBe('no_hash');
    expect(results.unanswered).toBe(3);
    expect(ledger.reserveContract(T0 + 3 * INTERVAL)).toBeDefined();
  });

  it('resets the consecutive failures when a challenge passes', () => {
    const { ledger, token, accept, answer, challengeAt } = createLedger();
    accept();
    expect(answer(challengeAt(T0 + 2 * INTERVAL) ?? '', T0 + 2 * INTERVAL)).toBe('pass');
    expect(ledger.getListing(token, T0 + 5 * INTERVAL)?.all).toEqual(['hash']);
    expect(ledger.getListing(token, T0 + 6 * INTERVAL)?.all).toEqual([]);
  });

  it("removes a contract once at its farmer's request", () => {
    const { ledger, token, accept } = createLedger();
    accept();
    expect(['hash', 'hash', 'other'].map((hash) => ledger.digests.remove(token, hash, T0))).toEqual([
      'ok',
      'no_hash',
      'no_hash',
    ]);
    expect(ledger.running).toBe(0);
  });

  it('does not know tokens that it did not issue', () => {
    const { ledger } = createLedger();
    expect(ledger.getListing('unknown', T0)).toBeUndefined();
    expect(ledger.digests.answer('unknown', { hash: 'hash', response: 'x' }, T0)).toBe('no_token');
    expect(ledger.digests.remove('unknown', 'hash', T0)).toBe('no_token');
    expect(ledger.digests.answer(TOKEN, { hash: 'nothing', response: 'x' }, T0)).toBe('no_hash');
  });

  it('settles each challenge exactly once for any sequence of requests', () => {
    const step = fc.tuple(fc.nat(2 * INTERVAL), fc.constantFrom('look', 'right', 'wrong'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const { ledger, token, results, accept, answer, challengeAt } = createLedger({ maxFailures: 1_000_000 });
        accept();
        let now = T0;
        for (const [pause, what] of steps) {
          now += pause;
          const open = challengeAt(now);
          if (what === 'right') expect(answer(open ?? 'none', now) === 'pass').toBe(open !== undefined);
          if (what === 'wrong')
            expect(ledger.digests.answer(token, { hash: 'hash', response: 'wrong' }, now)).toBe('fail');
          if (what !== 'look') expect(challengeAt(now)).toBeUndefined();
        }
        const begun = Math.floor((now - T0) / INTERVAL) + 1;
        const settled = results.passed + results.wrong + results.unanswered;
        expect(begun - settled).toBe(challengeAt(now) === undefined ? 0 : 1);
      }),
    );
  });

  /** The state after a run, with or without listings in between. */
  function outcome(steps: [number, 'right' | 'wrong'][], looking: (now: number) => readonly number[]) {
    const { ledger, token, results, accept, answer, challengeAt } = createLedger();
    accept();
    let now = T0;
    const verdicts = steps.map(([pause, what]) => {
      for (const moment of looking(now).filter((at) => at <= now + pause)) ledger.settleMissedRounds(moment);
      now += pause;
      return what === 'right'
        ? answer(challengeAt(now) ?? 'none', now)
        : ledger.digests.answer(token, { hash: 'hash', response: 'wrong' }, now);
    });
    return { verdicts, results, running: ledger.running, due: ledger.getListing(token, now) };
  }
  const steps = fc.array(fc.tuple(fc.nat(2 * INTERVAL), fc.constantFrom<'right' | 'wrong'>('right', 'wrong')), {
    maxLength: 30,
  });

  it('has the same result with and without listings in between', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(2 * INTERVAL), { maxLength: 5 }), (sequence, looks) => {
        const inOrder = looks.toSorted((a, b) => a - b);
        const watched = outcome(sequence, (now) => inOrder.map((after) => now + after));
        expect(watched).toEqual(outcome(sequence, () => []));
      }),
    );
  });

  it('has the same result for the same calls', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        expect(outcome(sequence, () => [])).toEqual(outcome(sequence, () => []));
      }),
    );
  });

  it('opens challenge n exactly at t0 + n·interval for any interval', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 31_536_000_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        (interval, n) => {
          const { accept, challengeAt } = createLedger({ intervalMs: interval, maxFailures: 1_000_000 });
          accept();
          const random = new SeededRandom('seed');
          expect(challengeAt(T0 + n * interval - 1)).toBe(random.challenge(0, n - 1));
          expect(challengeAt(T0 + n * interval)).toBe(random.challenge(0, n));
        },
      ),
    );
  });
});

describe('SeededRandom', () => {
  it('repeats its values with the same seed and differs with another', () => {
    const all = (seed: string) => {
      const random = new SeededRandom(seed);
      return [
        random.token(0),
        random.token(1),
        random.secret(0),
        random.secret(1),
        random.challenge(0, 0),
        random.challenge(0, 1),
        random.challenge(1, 0),
      ];
    };
    expect(all('a')).toEqual(all('a'));
    expect(new Set([...all('a'), ...all('b')]).size).toBe(14);
  });

  it('has values in the formats of the protocol', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), (seed, n, round) => {
        const random = new SeededRandom(seed);
        expect(random.token(n)).toMatch(/^[0-9a-f]{32}$/);
        expect(random.secret(n)).toMatch(/^[0-9a-f]{10}$/);
        expect(random.challenge(n, round)).toMatch(/^0\.[0-9]{9}$/);
      }),
    );
  });

  it('has offsets inside the file, and 0 for an empty one', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(Number.MAX_SAFE_INTEGER), (name, n, size) => {
        const offset = new SeededRandom('seed').offset(name, n, size);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThan(Math.max(1, size));
      }),
    );
  });
});
