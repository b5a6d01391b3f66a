import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SeededRandom } from '../src/ledger/seeded-random.ts';
import { createLedger, IDENTITY, INTERVAL, T0, TOKEN } from './support/ledger.ts';

const WRONG = { hash: 'hash', response: 'wrong' };

describe('the contracts of a ledger', () => {
  it('include all facts about a contract in its current round', () => {
    const { ledger, accept, answer } = createLedger();
    const challenge = accept();
    const seen = {
      token: TOKEN,
      hash: 'hash',
      index: 0,
      proofKind: 'digest',
      sizeBytes: 100,
      intervalMs: INTERVAL,
      acceptedAt: T0,
    };
    expect(ledger.findContract('hash', T0 + 1)).toEqual({
      ...seen,
      state: 'due',
      round: 0,
      challenge,
      dueAt: T0 + INTERVAL,
      consecutiveFailures: 0,
      results: { passed: 0, wrong: 0, unanswered: 0 },
    });
    answer(challenge, T0 + 2);
    expect(ledger.findContract('hash', T0 + 3)).toMatchObject({ state: 'settled', results: { passed: 1 } });
    ledger.digests.answer(TOKEN, WRONG, T0 + INTERVAL);
    expect(ledger.findContract('hash', T0 + 3 * INTERVAL)).toEqual({
      ...seen,
      state: 'due',
      round: 3,
      challenge: new SeededRandom('seed').challenge(0, 3),
      dueAt: T0 + 4 * INTERVAL,
      consecutiveFailures: 2,
      results: { passed: 1, wrong: 1, unanswered: 1 },
    });
    expect(ledger.findContract('other', T0)).toBeUndefined();
    expect(ledger.findContract('hash', T0 + 4 * INTERVAL)).toBeUndefined();
  });

  it('are counted by state', () => {
    const { ledger, accept, answer } = createLedger();
    answer(accept(), T0);
    accept('second', T0 + 10);
    expect(ledger.countContracts(T0 + 10)).toEqual({ due: 1, settled: 1 });
    expect(ledger.countContracts(T0 + INTERVAL)).toEqual({ due: 2, settled: 0 });
    expect(ledger.countContracts(T0 + 10 * INTERVAL)).toEqual({ due: 0, settled: 0 });
  });

  it('are found by farmer and hash prefix, the oldest running one first', () => {
    const { ledger, token, accept } = createLedger({ maxFailures: 1 });
    accept('aa1', T0);
    accept('ab2', T0 + 1);
    expect(ledger.findFirst(token, '', T0 + 1)).toBe('aa1');
    expect(ledger.findFirst(token, 'ab', T0 + 1)).toBe('ab2');
    expect(ledger.findFirst(token, 'b', T0 + 1)).toBeUndefined();
    expect(ledger.findFirst(token, 'a', T0 + INTERVAL)).toBe('ab2');
    expect(ledger.findFirst('unknown', '', T0)).toBeUndefined();
  });
});

describe('a contract with another interval', () => {
  it('keeps its interval independently of other contracts', () => {
    const { ledger, token, accept } = createLedger();
    const [first, second] = [accept('slow'), accept('fast', T0, TOKEN, 1_000)];
    const challenges = (now: number) => ledger.getListing(token, now)?.due.map(({ challenge }) => challenge);
    expect(challenges(T0 + 999)).toEqual([first, second]);
    expect(challenges(T0 + 1_000)).toEqual([first, new SeededRandom('seed').challenge(1, 1)]);
    expect(ledger.findContract('fast', T0 + 2_500)).toMatchObject({ round: 2, dueAt: T0 + 3_000, intervalMs: 1_000 });
    expect(ledger.getListing(token, T0 + 3_000)?.all).toEqual(['slow']);
  });
});

describe('the administration of a ledger', () => {
  it('expires a contract once', () => {
    const { ledger, token, accept, events } = createLedger();
    accept();
    expect(ledger.expire('hash', T0 + 1)).toBe(true);
    expect(ledger.expire('hash', T0 + 1)).toBe(false);
    expect(ledger.running).toBe(0);
    expect(ledger.digests.answer(token, WRONG, T0 + 2)).toBe('no_hash');
    expect(events).toEqual(['accepted hash', 'expired hash']);
  });

  it('does not expire a contract that has failed already', () => {
    const { ledger, accept, events } = createLedger();
    accept();
    expect(ledger.expire('hash', T0 + 3 * INTERVAL)).toBe(false);
    expect(events.at(-1)).toBe('failed hash');
  });

  it('starts the next round now, and later rounds relative to it', () => {
    const { ledger, token, accept, answer, challengeAt, results } = createLedger();
    answer(accept(), T0);
    const now = T0 + 12_345;
    const next = ledger.challengeNow('hash', now);
    expect(next).toEqual({ challenge: new SeededRandom('seed').challenge(0, 1), opened: true });
    expect(challengeAt(now)).toBe(next?.challenge);
    expect(ledger.findContract('hash', now)).toMatchObject({ round: 1, dueAt: now + INTERVAL, acceptedAt: T0 });
    expect(challengeAt(now + INTERVAL - 1)).toBe(next?.challenge);
    expect(answer(next?.challenge ?? '', now + INTERVAL - 1)).toBe('pass');
    expect(challengeAt(now + INTERVAL)).toBe(new SeededRandom('seed').challenge(0, 2));
    expect(results).toEqual({ passed: 2, wrong: 0, unanswered: 0 });
    expect(ledger.getListing(token, now + INTERVAL)?.all).toEqual(['hash']);
  });

  it('leaves an open challenge open', () => {
    const { ledger, accept } = createLedger();
    const challenge = accept();
    expect(ledger.challengeNow('hash', T0 + 100)).toEqual({ challenge, opened: false });
    expect(ledger.findContract('hash', T0 + 100)?.dueAt).toBe(T0 + INTERVAL);
    expect(ledger.challengeNow('other', T0)).toBeUndefined();
  });

  it('forgets one farmer and its contracts, and no other farmer', () => {
    const { ledger, token, accept, events } = createLedger();
    const other = ledger.register(IDENTITY);
    accept('mine');
    accept('theirs', T0, other);
    ledger.revoke(token);
    ledger.revoke(token);
    ledger.revoke('unknown');
    expect([ledger.hasFarmer(token), ledger.hasFarmer(other), ledger.farmers, ledger.running]).toEqual([
      false,
      true,
      1,
      1,
    ]);
    expect(ledger.getListing(token, T0)).toBeUndefined();
    expect(events.filter((event) => event.startsWith('forgotten'))).toEqual(['forgotten mine']);
  });

  it('issues new tokens and secrets after forgetting everything, and the first ones again after a reset', () => {
    const { ledger, token, accept, reserve } = createLedger();
    accept();
    ledger.forget();
    expect([ledger.hasFarmer(token), ledger.farmers, ledger.running]).toEqual([false, 0, 0]);
    expect(ledger.register(IDENTITY)).not.toBe(token);
    expect(reserve('next', T0)).toMatchObject({ index: 1 });
    ledger.cancelReservation();
    ledger.reset();
    expect([ledger.farmers, ledger.running]).toEqual([0, 0]);
    expect(ledger.register(IDENTITY)).toBe(token);
    expect(reserve('hash', T0)).toMatchObject({ index: 0, chunk: { secret: new SeededRandom('seed').secret(0) } });
  });

  it('cancels the reservation of a farmer that was forgotten while its chunk was generated', () => {
    const { ledger, token, reserve } = createLedger();
    const next = reserve('hash', T0);
    if (next === undefined) throw new Error('there is a place');
    ledger.revoke(token);
    expect(ledger.running).toBe(1);
    expect(ledger.digests.start(token, { ...next, intervalMs: INTERVAL }, T0)).toBeUndefined();
    expect(ledger.running).toBe(0);
  });
});

describe('any sequence of calls', () => {
  const COMMANDS = [
    ...Array<'reserve'>(6).fill('reserve'),
    ...Array<'start'>(6).fill('start'),
    'cancel',
    'right',
    'right',
    'wrong',
    'remove',
    'expire',
    'challenge',
    'register',
    'revoke',
    'forget',
    'reset',
    'wait',
  ] as const;
  const steps = fc.array(
    fc.record({
      command: fc.constantFrom(...COMMANDS),
      which: fc.nat(20),
      pauseMs: fc.oneof(fc.constant(0), fc.nat(500), fc.constant(0), fc.nat(2 * INTERVAL)),
    }),
    { maxLength: 80 },
  );

  it('keeps counts equal to listings, leaks no reservation and settles each round once', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { ledger, token, results, events, reserve } = createLedger({ maxContracts: 5 });
        const tokens = [token];
        const pending: NonNullable<ReturnType<typeof reserve>>[] = [];
        let now = T0;
        let hashes = 0;
        for (const { command, which, pauseMs } of list) {
          now += pauseMs;
          // Usually a known farmer.
          const asking = which < 16 ? tokens.filter((each) => ledger.hasFarmer(each)) : tokens;
          const farmer = asking[which % Math.max(1, asking.length)] ?? token;
          const known = ledger.getListing(farmer, now)?.all ?? [];
          const hash = known[which % Math.max(1, known.length)] ?? 'none';
          const response = `right:${ledger.findContract(hash, now)?.challenge}`;
          const place = pending[which % Math.max(1, pending.length)];
          const popReservation = () => place && pending.splice(pending.indexOf(place), 1);
          if (command === 'reserve') {
            // Sometimes the same chunk again, so that the new contract replaces the old one.
            const next = reserve(which % 4 === 0 ? 'again' : `hash${hashes++}`, now);
            if (next !== undefined) pending.push(next);
            else expect(ledger.running).toBe(5);
          }
          if (command === 'start' && place !== undefined) {
            popReservation();
            const challenge = ledger.digests.start(farmer, { ...place, intervalMs: 1_000 * (1 + which) }, now);
            expect(challenge !== undefined).toBe(ledger.hasFarmer(farmer));
          }
          if (command === 'cancel' && place !== undefined) {
            popReservation();
            ledger.cancelReservation();
          }
          if (command === 'right') ledger.digests.answer(farmer, { hash, response }, now);
          if (command === 'wrong') ledger.digests.answer(farmer, { hash, response: 'wrong' }, now);
          if (command === 'remove')
            expect(ledger.digests.remove(farmer, hash, now) === 'ok').toBe(known.includes(hash));
          if (command === 'expire') expect(ledger.expire(hash, now)).toBe(known.includes(hash));
          if (command === 'challenge') expect(ledger.challengeNow(hash, now) !== undefined).toBe(known.includes(hash));
          if (command === 'register') tokens.push(ledger.register(IDENTITY));
          if (command === 'revoke') ledger.revoke(farmer);
          if (command === 'forget') ledger.forget();
          if (command === 'reset') ledger.reset();

          const counts = ledger.countContracts(now);
          const everyone = [...new Set(tokens)].flatMap((each) => ledger.getListing(each, now) ?? []);
          const facts = [...ledger.listContracts(now)];
          expect(counts).toEqual({
            due: everyone.flatMap(({ due }) => due).length,
            settled: everyone.flatMap(({ settled }) => settled).length,
          });
          expect(facts.map((fact) => fact.hash).toSorted()).toEqual(everyone.flatMap(({ all }) => all).toSorted());
          expect(facts.filter(({ state }) => state === 'due')).toHaveLength(counts.due);
          expect(ledger.running).toBe(facts.length + pending.length);
          expect(ledger.farmers).toBe(everyone.length);
          for (const { results: each, round, state, dueAt, intervalMs } of facts) {
            expect(each.passed + each.wrong + each.unanswered).toBe(round + (state === 'settled' ? 1 : 0));
            expect(dueAt).toBeGreaterThan(now);
            expect(dueAt - now).toBeLessThanOrEqual(intervalMs);
          }
        }
        const countEvents = (what: RegExp) => events.filter((event) => what.test(event)).length;
        expect(countEvents(/^accepted/) - countEvents(/^(failed|removed|expired|forgotten|replaced)/)).toBe(
          [...ledger.listContracts(now)].length,
        );
        const sum = (result: string) =>
          events
            .filter((event) => event.startsWith(result))
            .reduce((total, event) => total + Number(event.split(' ')[1]), 0);
        expect(results).toEqual({ passed: sum('passed'), wrong: sum('wrong'), unanswered: sum('unanswered') });
      }),
      { numRuns: 300 },
    );
  });

  it('issues no token or secret twice without a reset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('register', 'reserve', 'revoke', 'forget'), { maxLength: 60 }),
        (commands) => {
          const { ledger, token, reserve } = createLedger({ maxContracts: 100 });
          const seen = [token];
          for (const command of commands) {
            if (command === 'register') seen.push(ledger.register(IDENTITY));
            if (command === 'reserve') seen.push(reserve('hash', T0)?.chunk.secret ?? 'none');
            if (command === 'revoke') ledger.revoke(seen[0] ?? '');
            if (command === 'forget') ledger.forget();
          }
          expect(new Set(seen).size).toBe(seen.length);
        },
      ),
    );
  });
});
