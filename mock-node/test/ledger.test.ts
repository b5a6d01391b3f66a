import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Draws } from '../src/ledger/draws.ts';
import { type ChallengeResult, Ledger, type LedgerOptions } from '../src/ledger/ledger.ts';

const T0 = 1_000_000;
const INTERVAL = 60_000;
const TOKEN = new Draws('seed').token(0);

/** A ledger with one farmer and one contract, whose chunk answers `right:` and the challenge. */
function aLedger(options: Partial<LedgerOptions> = {}) {
  const results: Record<ChallengeResult, number> = { passed: 0, wrong: 0, unanswered: 0 };
  const ledger = new Ledger(
    { intervalMs: INTERVAL, maxContracts: 10, maxFailures: 3, ...options },
    {
      draws: new Draws('seed'),
      onResult: (result, count) => {
        results[result] += count;
      },
    },
  );
  const token = ledger.register();
  const take = (hash = 'hash', now = T0) => {
    const next = ledger.nextSecret();
    if (next === undefined) throw new Error('no contract');
    const verifier = { response: (challenge: string) => `right:${challenge}` };
    return ledger.start(token, next.index, { fileHash: hash, secret: next.secret, verifier }, now);
  };
  const answer = (challenge: string, now: number) => ledger.answer(token, 'hash', `right:${challenge}`, now);
  const challengeAt = (now: number) => ledger.due(token, now)?.due[0]?.challenge;
  return { ledger, token, results, take, answer, challengeAt };
}

describe('the ledger', () => {
  it('issues a challenge an interval, and lists it while it is open and unanswered', () => {
    const { take, answer, challengeAt, results } = aLedger();
    const first = take();
    expect(challengeAt(T0)).toBe(first);
    expect(answer(first, T0 + 1)).toBe('pass');
    expect(challengeAt(T0 + INTERVAL - 1)).toBeUndefined();
    const second = challengeAt(T0 + INTERVAL);
    expect(second).toMatch(/^0\.\d{9}$/);
    expect(second).not.toBe(first);
    expect(answer(second ?? '', T0 + 2 * INTERVAL - 1)).toBe('pass');
    expect(results).toEqual({ passed: 2, wrong: 0, unanswered: 0 });
  });

  it('lets the first answer settle a challenge: the same again passes again, any other fails and changes nothing', () => {
    const { ledger, take, answer, results } = aLedger();
    const challenge = take();
    expect(answer(challenge, T0)).toBe('pass');
    expect(answer(challenge, T0 + 1)).toBe('pass');
    expect(ledger.answer(TOKEN, 'hash', 'other', T0 + 2)).toBe('fail');
    expect(answer(challenge, T0 + 3)).toBe('pass');
    expect(results).toEqual({ passed: 1, wrong: 0, unanswered: 0 });
  });

  it('lets a wrong first answer settle it too: the right one comes too late', () => {
    const { ledger, take, answer, challengeAt, results } = aLedger();
    const challenge = take();
    expect(ledger.answer(TOKEN, 'hash', 'wrong', T0)).toBe('fail');
    expect(answer(challenge, T0 + 1)).toBe('fail');
    expect(challengeAt(T0 + 2)).toBeUndefined();
    expect(results).toEqual({ passed: 0, wrong: 1, unanswered: 0 });
  });

  it('does not accept an answer after it was due', () => {
    const { take, answer, results } = aLedger();
    expect(answer(take(), T0 + INTERVAL)).toBe('fail');
    expect(results).toMatchObject({ passed: 0, unanswered: 1 });
  });

  it('ends a contract after so many failures in a row, and frees its place', () => {
    const { ledger, token, take, answer, results } = aLedger({ maxContracts: 1 });
    const challenge = take();
    expect(ledger.due(token, T0 + 3 * INTERVAL - 1)?.all).toEqual(['hash']);
    expect(ledger.nextSecret()).toBeUndefined();
    expect(ledger.due(token, T0 + 3 * INTERVAL)).toEqual({ all: [], due: [] });
    expect(answer(challenge, T0 + 3 * INTERVAL)).toBe('no_hash');
    expect(results.unanswered).toBe(3);
    expect(ledger.nextSecret()).toBeDefined();
  });

  it('forgets failures when a challenge is passed', () => {
    const { ledger, token, take, answer, challengeAt } = aLedger();
    take();
    expect(answer(challengeAt(T0 + 2 * INTERVAL) ?? '', T0 + 2 * INTERVAL)).toBe('pass');
    expect(ledger.due(token, T0 + 5 * INTERVAL)?.all).toEqual(['hash']);
    expect(ledger.due(token, T0 + 6 * INTERVAL)?.all).toEqual([]);
  });

  it('removes a contract at its farmer’s wish, once', () => {
    const { ledger, token, take } = aLedger();
    take();
    expect([ledger.remove(token, 'hash'), ledger.remove(token, 'hash'), ledger.remove('nobody', 'hash')]).toEqual([
      'ok',
      'no_hash',
      'no_token',
    ]);
    expect(ledger.running).toBe(0);
  });

  it('knows nobody whom it gave no token', () => {
    const { ledger } = aLedger();
    expect(ledger.due('nobody', T0)).toBeUndefined();
    expect(ledger.answer('nobody', 'hash', 'x', T0)).toBe('no_token');
    expect(ledger.answer(TOKEN, 'nothing', 'x', T0)).toBe('no_hash');
  });

  it('settles no more challenges than there were, each once, whatever is asked when', () => {
    const step = fc.tuple(fc.nat(2 * INTERVAL), fc.constantFrom('look', 'right', 'wrong'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const { ledger, token, results, take, answer, challengeAt } = aLedger({ maxFailures: 1_000_000 });
        take();
        let now = T0;
        for (const [pause, what] of steps) {
          now += pause;
          const open = challengeAt(now);
          if (what === 'right') expect(answer(open ?? 'none', now) === 'pass').toBe(open !== undefined);
          if (what === 'wrong') expect(ledger.answer(token, 'hash', 'wrong', now)).toBe('fail');
          if (what !== 'look') expect(challengeAt(now)).toBeUndefined();
        }
        const begun = Math.floor((now - T0) / INTERVAL) + 1;
        const settled = results.passed + results.wrong + results.unanswered;
        expect(begun - settled).toBe(challengeAt(now) === undefined ? 0 : 1);
      }),
    );
  });
});

describe('the draws', () => {
  it('repeat with the same seed, and differ with another', () => {
    const all = (seed: string) => {
      const draws = new Draws(seed);
      return [
        draws.token(0),
        draws.token(1),
        draws.secret(0),
        draws.secret(1),
        draws.challenge(0, 0),
        draws.challenge(0, 1),
        draws.challenge(1, 0),
      ];
    };
    expect(all('a')).toEqual(all('a'));
    expect(new Set([...all('a'), ...all('b')]).size).toBe(14);
  });
});
