import { type FaultInput, fault as faultSchema } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SeededRandom } from '../../src/ledger/seeded-random.ts';
import { createPlan, createRequest, HASH, T0, TOKEN } from '../support/fault-plan.ts';

const DELAY = { kind: 'fixed', ms: 1 } as const;

describe('a fault', () => {
  it('applies to every request by default', () => {
    const { hits, counts } = createPlan({ name: 'a', effect: 'reset' });
    expect(hits(3)).toEqual([0, 1, 2]);
    expect(counts()).toEqual({ matched: 3, applied: 3 });
  });

  it('skips the first requests', () => {
    const { hits, counts } = createPlan({ name: 'a', skip: 2, effect: 'reset' });
    expect(hits(4)).toEqual([2, 3]);
    expect(counts()).toEqual({ matched: 4, applied: 2 });
  });

  it('is finished after it has applied the maximum number of times', () => {
    const { plan, hits } = createPlan({ name: 'a', skip: 1, times: 2, effect: 'reset' });
    expect(plan.get('a', T0).state).toBe('active');
    expect(hits(5)).toEqual([1, 2]);
    expect(plan.get('a', T0)).toMatchObject({ state: 'finished', matched: 3, applied: 2 });
  });

  it('neither applies nor counts while it is disabled', () => {
    const { plan, hits, counts } = createPlan({ name: 'a', enabled: false, effect: 'reset' });
    expect(hits(3)).toEqual([]);
    expect(counts()).toEqual({ matched: 0, applied: 0 });
    expect(plan.get('a', T0).state).toBe('disabled');
    plan.change('a', { enabled: true }, T0);
    expect(hits(1)).toEqual([0]);
  });

  it('applies only in its window of node time', () => {
    const { plan, apply, counts } = createPlan({
      name: 'a',
      window: { afterMs: 1_000, durationMs: 500 },
      effect: 'reset',
    });
    const at = (ms: number) => [plan.get('a', T0 + ms).state, apply({}, T0 + ms).length];
    expect(at(999)).toEqual(['pending', 0]);
    expect(at(1_000)).toEqual(['active', 1]);
    expect(at(1_499)).toEqual(['active', 1]);
    expect(at(1_500)).toEqual(['finished', 0]);
    expect(counts()).toEqual({ matched: 2, applied: 2 });
  });

  it('has an unlimited window without a duration', () => {
    const { apply } = createPlan({ name: 'a', window: { afterMs: 10 }, effect: 'reset' });
    expect(apply({}, T0 + 9)).toEqual([]);
    expect(apply({}, T0 + 1e12)).toEqual(['a']);
  });

  it('is removed after its time to live, which frees its name', () => {
    const { plan, events, apply, add } = createPlan({ name: 'a', ttlMs: 100, effect: 'reset' });
    expect(apply({}, T0 + 99)).toEqual(['a']);
    expect(apply({}, T0 + 100)).toEqual([]);
    expect(plan.list(T0 + 100)).toEqual([]);
    expect(() => plan.get('a', T0 + 100)).toThrow('unknown fault: a');
    add({ name: 'a', effect: 'empty' }, T0 + 100);
    expect(events).toEqual(['added a', 'applied a', 'removed a', 'added a']);
  });

  it.each(['get', 'restart'] as const)('is unknown to %s after its time to live', (what) => {
    const { plan } = createPlan({ name: 'a', ttlMs: 100, effect: 'reset' });
    expect(() => plan[what]('a', T0 + 100)).toThrow('unknown fault: a');
  });

  it.each([
    [{ route: '*' }, {}, true],
    [{ route: 'due' }, {}, true],
    [{ route: 'chunk' }, {}, false],
    [{ route: ['chunk', 'due'] }, {}, true],
    [{ route: ['chunk', 'new'] }, {}, false],
    [{ method: 'GET' }, {}, true],
    [{ method: 'DELETE' }, {}, false],
    [{ token: TOKEN }, {}, true],
    [{ token: TOKEN.slice(0, 6) }, {}, true],
    [{ token: `${TOKEN}x` }, {}, false],
    [{ token: 'bbbbbb' }, {}, false],
    [{ token: TOKEN }, { token: undefined }, false],
    [{ contract: HASH }, { contract: HASH }, true],
    [{ contract: HASH.slice(0, 6) }, { contract: HASH }, true],
    [{ contract: 'ffffff' }, { contract: HASH }, false],
    [{ contract: 'ffffff' }, { contract: HASH, includes: () => true }, false],
    [{ contract: HASH }, { includes: (beginning: string) => HASH.startsWith(beginning) }, true],
    [{ contract: HASH }, { includes: () => false }, false],
    [{ route: 'due', method: 'GET', token: TOKEN, contract: HASH }, { contract: HASH }, true],
    [{ route: 'due', method: 'GET', token: TOKEN, contract: HASH }, { contract: HASH, method: 'HEAD' }, false],
  ] as const)('with the match %j matches a due request with %j: %p', (match, call, fits) => {
    const { apply, counts } = createPlan({ name: 'a', match: faultSchema.shape.match.parse(match), effect: 'reset' });
    expect(apply(call)).toEqual(fits ? ['a'] : []);
    expect(counts().matched).toBe(fits ? 1 : 0);
  });

  it('matches no request on a route where its effect can do nothing', () => {
    const { apply, counts } = createPlan({ name: 'a', effect: 'wrong_hash' });
    expect(apply()).toEqual([]);
    expect(counts().matched).toBe(0);
    expect(apply({ route: 'chunk' })).toEqual(['a']);
  });

  it('combines skip, times, probability, window and time to live', () => {
    const given = fc.record({
      skip: fc.nat(5),
      times: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      probability: fc.constantFrom(0, 0.3, 0.7, 1),
      window: fc.option(fc.record({ afterMs: fc.nat(500), durationMs: fc.option(fc.nat(500), { nil: undefined }) }), {
        nil: undefined,
      }),
      ttlMs: fc.option(fc.nat(1_000), { nil: undefined }),
    });
    const requests = fc.array(fc.record({ pauseMs: fc.nat(100), fits: fc.boolean() }), { maxLength: 40 });
    fc.assert(
      fc.property(given, requests, (fault, steps) => {
        const random = new SeededRandom('seed');
        const { apply } = createPlan(
          faultSchema.parse({ name: 'a', match: { route: 'due' }, effect: 'reset', ...fault }),
        );
        const { skip, times = Number.POSITIVE_INFINITY, probability, window, ttlMs = Number.POSITIVE_INFINITY } = fault;
        const from = window?.afterMs ?? 0;
        const to = from + (window?.durationMs ?? Number.POSITIVE_INFINITY);
        let [age, matched, applied] = [0, 0, 0];
        for (const { pauseMs, fits } of steps) {
          age += pauseMs;
          const isActive = age >= from && age < to && age < ttlMs && applied < times;
          const index = isActive && fits ? matched++ : -1;
          const expected = index >= skip && index >= 0 && random.chance('a', index, 'apply') < probability;
          applied += expected ? 1 : 0;
          expect(apply({ route: fits ? 'due' : 'new' }, T0 + age)).toEqual(expected ? ['a'] : []);
        }
      }),
    );
  });
});

describe('the probability of a fault', () => {
  it('means never at 0 and always at 1', () => {
    const never = createPlan({ name: 'a', probability: 0, effect: 'reset' });
    expect(never.hits(1_000)).toEqual([]);
    expect(never.counts()).toEqual({ matched: 1_000, applied: 0 });
    expect(createPlan({ name: 'a', probability: 1, effect: 'reset' }).hits(1_000)).toHaveLength(1_000);
  });

  it.each([0.01, 0.3, 0.9])('of %p applies to this share of requests', (probability) => {
    const count = 20_000;
    const { length } = createPlan({ name: 'a', probability, effect: 'reset' }).hits(count);
    // Four standard deviations of a binomial distribution.
    const margin = 4 * Math.sqrt(count * probability * (1 - probability));
    expect(Math.abs(length - count * probability)).toBeLessThan(margin);
  });

  it('when increased adds requests and loses none', () => {
    const rare = createPlan({ name: 'a', probability: 0.2, effect: 'reset' }).hits(500);
    const common = createPlan({ name: 'a', probability: 0.6, effect: 'reset' }).hits(500);
    expect(common).toEqual(expect.arrayContaining(rare));
    expect(common.length).toBeGreaterThan(rare.length);
  });

  it('is independent for each fault', () => {
    const { plan } = createPlan(
      { name: 'a', probability: 0.5, effect: DELAY },
      { name: 'b', probability: 0.5, effect: DELAY },
    );
    const both = Array.from({ length: 4_000 }, () => plan.apply(createRequest(), T0).length === 2).filter(
      Boolean,
    ).length;
    expect(Math.abs(both - 1_000)).toBeLessThan(4 * Math.sqrt(4_000 * 0.25 * 0.75));
  });

  it('depends only on the seed, the name and the count', () => {
    const others: FaultInput[] = [
      { name: 'delay', probability: 0.5, effect: DELAY },
      { name: 'skew', probability: 0.5, effect: { kind: 'clock_skew', ms: 1 } },
      { name: 'elsewhere', match: { route: ['new', 'chunk'] }, probability: 0.5, effect: 'reset' },
      { name: 'limit', match: { route: 'new' }, effect: { kind: 'rate_limit', requests: 3 } },
    ];
    const noise = fc.record({
      route: fc.constantFrom('new', 'chunk', 'challenge', 'download'),
      token: fc.constantFrom(undefined, TOKEN, 'someone else'),
      pauseMs: fc.nat(1_000),
    });
    const alone = createPlan({ name: 'a', match: { route: 'due' }, probability: 0.4, effect: 'reset' }).hits(12);
    fc.assert(
      fc.property(
        fc.array(fc.array(noise, { maxLength: 4 }), { minLength: 12, maxLength: 12 }),
        fc.nat(others.length),
        fc.subarray(others),
        (between, place, present) => {
          const fault: FaultInput = { name: 'a', match: { route: 'due' }, probability: 0.4, effect: 'reset' };
          const { apply } = createPlan(...present.toSpliced(place, 0, fault));
          let now = T0;
          const hit = between.map((calls) => {
            for (const { route, token, pauseMs } of calls) {
              now += pauseMs;
              apply({ route, token }, now);
            }
            return apply({}, now).includes('a');
          });
          expect(hit.flatMap((isHit, n) => (isHit ? [n] : []))).toEqual(alone);
        },
      ),
    );
  });

  it('has random numbers that depend on the fault, the count and the purpose', () => {
    const run = () => {
      const { plan } = createPlan({ name: 'a', effect: DELAY }, { name: 'b', effect: DELAY });
      const applied = [...plan.apply(createRequest(), T0), ...plan.apply(createRequest(), T0)];
      return applied.flatMap(({ chance }) => [chance('radius'), chance('angle')]);
    };
    expect(run()).toEqual(run());
    expect(new Set(run()).size).toBe(8);
  });
});
