import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ProofVerdict } from '../src/ledger/heartbeat-contracts.ts';
import { Ledger } from '../src/ledger/ledger.ts';
import { SeededRandom } from '../src/ledger/seeded-random.ts';
import { IDENTITY, INTERVAL, T0 } from './support/ledger.ts';

/** A ledger with one farmer and one heartbeat contract, which gets `challenges` challenges: `0`, `1` and so on. */
function createLedger({ challenges = 10, maxContracts = 10 } = {}) {
  const events: string[] = [];
  const ledger = new Ledger(() => ({ maxContracts, maxFailures: 3 }), {
    random: new SeededRandom('seed'),
    observer: {
      accepted: (hash) => events.push(`accepted ${hash}`),
      settled: (result, count, { hash }) => events.push(`${result} ${count} ${hash}`),
      proofRejected: (reason, hash) => events.push(`rejected ${reason} ${hash}`),
      ended: (reason, hash) => events.push(`${reason} ${hash}`),
    },
    heartbeat: {
      next: (state) =>
        Number(state) < challenges ? { challenge: state, state: String(Number(state) + 1) } : undefined,
    },
  });
  const token = ledger.register(IDENTITY);
  const accept = (now = T0) => {
    const { index = 0 } = ledger.reserveContract(now) ?? {};
    return ledger.heartbeats.start(token, { index, chunk: { sizeBytes: 100, state: '0' }, intervalMs: INTERVAL }, now);
  };
  accept();
  const request = (now: number, hash = '1') => ledger.heartbeats.requestChallenge(token, hash, now);
  const answer = (now: number, verdict: ProofVerdict = 'valid', hash = '1') => {
    const open = ledger.heartbeats.getOpenProof(token, hash, now);
    const round = typeof open === 'string' ? undefined : open.round;
    return ledger.heartbeats.settleProof(token, { hash, round, verdict }, now);
  };
  return { ledger, token, events, accept, request, answer };
}

const at = (intervals: number) => T0 + intervals * INTERVAL;

describe('A heartbeat contract', () => {
  it('has a number, and a challenge that is due after one interval', () => {
    const { request, accept } = createLedger();
    expect(request(T0)).toEqual({ challenge: '0', dueAt: at(1), answered: false });
    expect(accept()).toMatchObject({ hash: '2', sizeBytes: 100, challenge: '0', dueAt: at(1) });
  });

  it('keeps its challenge until the end of the round, and gets the next one when the farmer requests it', () => {
    const { request, answer } = createLedger();
    expect(answer(at(0.5))).toBe('ok');
    expect(request(at(0.99))).toEqual({ challenge: '0', dueAt: at(1), answered: true });
    expect(answer(at(1.5))).toBe('answered');
    expect(request(at(1.9))).toEqual({ challenge: '1', dueAt: at(2), answered: false });
    expect(answer(at(1.95))).toBe('ok');
    expect(request(at(2))).toEqual({ challenge: '2', dueAt: at(3), answered: false });
  });

  it('ends when a challenge is not answered in its round', () => {
    const { request, answer, events } = createLedger();
    expect(answer(at(1))).toBe('expired');
    expect(request(at(1))).toBe('expired');
    expect(events).toEqual(['accepted 1', 'unanswered 1 1', 'failed 1', 'rejected expired 1']);
  });

  it('ends when the next challenge is not requested in its round', () => {
    const { request, answer, events } = createLedger();
    answer(at(0));
    expect(request(at(2))).toBe('expired');
    expect(events).toEqual(['accepted 1', 'passed 1 1', 'unanswered 1 1', 'failed 1']);
  });

  it('accepts a right proof after a wrong one', () => {
    const { answer, events } = createLedger();
    expect(answer(at(0.1), 'invalid')).toBe('invalid');
    expect(answer(at(0.2))).toBe('ok');
    expect(answer(at(0.3))).toBe('answered');
    expect(events).toEqual(['accepted 1', 'rejected invalid 1', 'passed 1 1', 'rejected answered 1']);
  });

  it('reports that a proof is corrupted before anything else but an unknown contract', () => {
    const { answer, events } = createLedger();
    expect(answer(at(0.1), 'corrupted', '2')).toBe('not_found');
    expect(answer(at(0.1), 'corrupted')).toBe('corrupted');
    expect(answer(at(0.2))).toBe('ok');
    expect(answer(at(0.3), 'corrupted')).toBe('corrupted');
    expect(answer(at(9), 'corrupted')).toBe('corrupted');
    expect(events.filter((event) => event.startsWith('rejected'))).toEqual([
      'rejected not_found 2',
      ...Array(3).fill('rejected corrupted 1'),
    ]);
  });

  it('has no more challenges after the last one, and then is complete instead of failed', () => {
    const { request, answer, events } = createLedger({ challenges: 1 });
    answer(at(0));
    expect(request(at(1))).toBe('no_more_challenges');
    expect(request(at(2))).toBe('expired');
    expect(events).toEqual(['accepted 1', 'passed 1 1', 'completed 1']);
  });

  it('is unknown to other farmers and to the prototype API', () => {
    const { ledger, token } = createLedger();
    const other = ledger.register(IDENTITY);
    expect(ledger.heartbeats.requestChallenge(other, '1', T0)).toBe('not_found');
    expect(ledger.heartbeats.requestChallenge(token, '99999', T0)).toBe('not_found');
    expect(ledger.digests.answer(token, { hash: '1', response: 'x' }, T0)).toBe('no_hash');
    expect(ledger.digests.remove(token, '1', T0)).toBe('no_hash');
    expect(ledger.getListing(token, T0, 'digest')).toEqual({ all: [], due: [], settled: [] });
  });

  it('does not accept a proof that was verified for an earlier challenge', () => {
    const { ledger, token, request, answer } = createLedger();
    answer(at(0));
    request(at(1));
    expect(ledger.heartbeats.settleProof(token, { hash: '1', round: 0, verdict: 'valid' }, at(1))).toBe('invalid');
  });

  it('gets its next challenge early if the control API asks for it', () => {
    const { ledger, request, answer } = createLedger();
    expect(ledger.challengeNow('1', at(0.1))).toEqual({ challenge: '0', opened: false });
    answer(at(0.2));
    expect(ledger.challengeNow('1', at(0.3))).toEqual({ challenge: '1', opened: true });
    expect(request(at(0.4))).toEqual({ challenge: '1', dueAt: at(1.3), answered: false });
  });

  it('makes way for another one when it has ended', () => {
    const { ledger, accept } = createLedger({ maxContracts: 1 });
    expect(ledger.reserveContract(at(0.5))).toBeUndefined();
    expect(ledger.reserveContract(at(1))).toEqual({ index: 1, secret: expect.any(String) });
    ledger.cancelReservation();
    expect(accept(at(1))).toMatchObject({ hash: '3' });
  });

  it('passes or misses each of its rounds exactly once, whenever the farmer requests and answers', () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 2 * INTERVAL }), answers: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { request, answer, events } = createLedger({ challenges: 1_000 });
        let now = T0;
        for (const { wait, answers } of steps) {
          now += wait;
          request(now);
          if (answers) answer(now);
        }
        const count = (prefix: string) => events.filter((event) => event.startsWith(prefix)).length;
        expect(count('failed')).toBe(count('unanswered'));
        expect(count('passed')).toBeLessThanOrEqual(Math.floor((now - T0) / INTERVAL) + 1);
        if (count('failed') === 0)
          expect(count('passed')).toBeGreaterThanOrEqual(Math.floor((now - T0) / INTERVAL) - 1);
      }),
    );
  });
});

describe('The online time of a farmer', () => {
  const uptime = (ledger: Ledger, now: number) => [...ledger.listFarmers(now)].map(({ record }) => record.online);

  it('covers each interval in which a contract runs, and overlapping ones once', () => {
    const { ledger, accept } = createLedger();
    accept(at(0.5));
    expect(uptime(ledger, at(3))).toEqual([{ since: T0, until: at(1.5), coveredMs: 1.5 * INTERVAL }]);
    accept(at(4));
    expect(uptime(ledger, at(6))).toEqual([{ since: T0, until: at(5), coveredMs: 2.5 * INTERVAL }]);
  });

  it('lasts one interval longer after an answer', () => {
    const { ledger, answer } = createLedger();
    answer(at(0.5));
    expect(uptime(ledger, at(0.5))).toEqual([{ since: T0, until: at(2), coveredMs: 2 * INTERVAL }]);
  });
});
