import { EFFECTS, fault as faultSchema, MAX_FAULTS } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createPlan, createRequest, T0 } from '../support/fault-plan.ts';

const DELAY = { kind: 'fixed', ms: 1 } as const;

describe('several faults', () => {
  it('send the response of the first applicable fault, and the others do not count the request', () => {
    const { apply, counts } = createPlan(
      { name: 'a', times: 1, effect: 'reset' },
      { name: 'b', times: 1, effect: 'truncate' },
      { name: 'c', effect: 'drop_response' },
    );
    expect([apply(), apply(), apply()]).toEqual([['a'], ['b'], ['c']]);
    expect([counts('a'), counts('b'), counts('c')].map(({ matched }) => matched)).toEqual([1, 1, 1]);
  });

  it('count a request in both faults if the first matches but does not apply', () => {
    const { apply, counts } = createPlan({ name: 'a', skip: 1, effect: 'reset' }, { name: 'b', effect: 'status' });
    expect([apply(), apply()]).toEqual([['b'], ['a']]);
    expect(counts('b')).toEqual({ matched: 1, applied: 1 });
  });

  it('apply and count no protocol violation if the response is replaced', () => {
    const instead = Object.entries(EFFECTS).flatMap(([kind, { group }]) =>
      group === 'connection' || group === 'http' ? [kind] : [],
    );
    expect(instead).toEqual(['reset', 'empty', 'hang', 'refuse', 'status', 'rate_limit', 'html', 'redirect']);
    for (const kind of instead) {
      const effect = faultSchema.shape.effect.parse(kind === 'rate_limit' ? { kind, requests: 0 } : kind);
      const { apply, counts } = createPlan(
        { name: 'forget', effect: 'forget_all' },
        { name: 'skew', effect: { kind: 'clock_skew', ms: 1 } },
        { name: 'late', effect: DELAY },
        { name: 'wire', effect },
      );
      expect(apply()).toEqual(['late', 'wire']);
      expect([counts('forget').matched, counts('skew').matched, counts('late').matched]).toEqual([0, 0, 1]);
    }
  });

  it('combine delays, protocol violations and one damaged response', () => {
    const { apply } = createPlan(
      { name: 'wire', effect: 'truncate' },
      { name: 'late', effect: DELAY },
      { name: 'forget', effect: 'forget_all' },
      { name: 'later', effect: DELAY },
      { name: 'never', effect: 'garbage' },
      { name: 'skew', effect: { kind: 'clock_skew', ms: 1 } },
    );
    expect(apply()).toEqual(['late', 'forget', 'later', 'skew', 'wire']);
  });

  it('apply the next fault to a request within the rate limit', () => {
    const { apply, counts } = createPlan(
      { name: 'limit', effect: { kind: 'rate_limit', requests: 1, perMs: 1_000 } },
      { name: 'wire', effect: 'html' },
    );
    expect([apply(), apply(), apply({}, T0 + 1_000)]).toEqual([['wire'], ['limit'], ['wire']]);
    expect(counts('limit')).toEqual({ matched: 3, applied: 1 });
  });

  it('never send two responses for any faults and requests', () => {
    const kinds = Object.keys(EFFECTS).filter(
      (kind) => !['fixed', 'uniform', 'lognormal', 'clock_skew'].includes(kind),
    );
    const some = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.constantFrom(0, 0.5, 1)), { maxLength: 15 });
    const routes = fc.array(fc.constantFrom('new', 'chunk', 'due', 'challenge', 'download'), { maxLength: 20 });
    fc.assert(
      fc.property(some, routes, (given, asked) => {
        const faults = given.map(([effect, probability], n) =>
          faultSchema.parse({ name: `f${n}`, effect, probability }),
        );
        const { plan, counts } = createPlan(...faults);
        const total = new Map<string, number>();
        for (const route of asked) {
          const applied = plan.apply(createRequest({ route }), T0);
          const wire = applied.filter(({ kind }) => EFFECTS[kind].group !== 'protocol');
          expect(wire.length).toBeLessThanOrEqual(1);
          if (wire.some(({ kind }) => EFFECTS[kind].group !== 'response')) expect(applied).toHaveLength(1);
          for (const { name } of applied) total.set(name, (total.get(name) ?? 0) + 1);
        }
        for (const { name } of faults) expect(counts(name).applied).toBe(total.get(name) ?? 0);
      }),
    );
  });
});

describe('FaultPlan', () => {
  it('rejects a duplicate name', () => {
    const { plan, add } = createPlan({ name: 'a', effect: 'reset' });
    expect(() => add({ name: 'a', effect: 'empty' })).toThrow(expect.objectContaining({ code: 'exists' }));
    expect(plan.list(T0)).toHaveLength(1);
  });

  it('rejects more than the maximum number of faults', () => {
    const { plan, add } = createPlan();
    for (let n = 0; n < MAX_FAULTS; n++) add({ name: `f${n}`, ttlMs: n === 0 ? 10 : 20, effect: 'reset' });
    expect(() => add({ name: 'more', effect: 'reset' })).toThrow(expect.objectContaining({ code: 'too_many' }));
    add({ name: 'more', effect: 'reset' }, T0 + 10);
    expect(plan.list(T0 + 10)).toHaveLength(MAX_FAULTS);
  });

  it.each(['get', 'restart'] as const)('throws for an unknown fault: %s', (what) => {
    expect(() => createPlan().plan[what]('a', T0)).toThrow(expect.objectContaining({ code: 'unknown' }));
  });

  it('removes one fault, removes all, and replaces all', () => {
    const { plan, apply, events } = createPlan({ name: 'a', effect: DELAY }, { name: 'b', effect: DELAY });
    plan.remove('a');
    expect(apply()).toEqual(['b']);
    expect(() => plan.remove('a')).toThrow(expect.objectContaining({ code: 'unknown' }));
    plan.replaceAll([faultSchema.parse({ name: 'b', effect: 'reset' })], T0 + 5);
    expect(plan.list(T0 + 5)).toMatchObject([{ name: 'b', matched: 0, addedAt: new Date(T0 + 5).toISOString() }]);
    plan.removeAll();
    expect(plan.list(T0)).toEqual([]);
    expect(events).toEqual(['added a', 'added b', 'removed a', 'applied b', 'removed b', 'added b', 'removed b']);
  });

  it('restarts the counts, the random sequence, the window and the time to live of one fault', () => {
    const fault = { name: 'a', probability: 0.5, effect: DELAY };
    const { plan, hits, apply, counts } = createPlan(
      { ...fault, window: { durationMs: 1_000 }, ttlMs: 2_000 },
      { name: 'b', effect: DELAY },
    );
    const first = hits(20);
    expect(hits(20, 'a', T0 + 1_000)).toEqual([]);
    plan.restart('a', T0 + 1_500);
    expect(counts('a', T0 + 1_500)).toEqual({ matched: 0, applied: 0 });
    expect(counts('b', T0 + 1_500).matched).toBe(40);
    expect(hits(20, 'a', T0 + 2_499)).toEqual(first);
    expect(plan.get('a', T0 + 3_499).state).toBe('finished');
    expect(plan.list(T0 + 3_499).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(apply({}, T0 + 3_500)).toEqual(['b']);
  });

  it('restarts a rate limit', () => {
    const { plan, hits } = createPlan({ name: 'a', effect: { kind: 'rate_limit', requests: 2, perMs: 1_000 } });
    expect(hits(3)).toEqual([2]);
    plan.restart('a', T0 + 1);
    expect(hits(3, 'a', T0 + 1)).toEqual([2]);
  });

  it('changes a fault, which keeps counting', () => {
    const { plan, hits, counts } = createPlan({ name: 'a', times: 2, ttlMs: 1_000, effect: 'reset' });
    hits(3);
    const report = plan.change('a', { times: 3, ttlMs: null, effect: { kind: 'empty' } }, T0 + 1);
    expect(report).toMatchObject({ times: 3, effect: { kind: 'empty' }, matched: 2, applied: 2, state: 'active' });
    expect(report).not.toHaveProperty('ttlMs');
    expect(hits(3, 'a', T0 + 2_000)).toEqual([0]);
    plan.change('a', { times: null }, T0);
    expect(hits(3)).toEqual([0, 1, 2]);
    expect(counts()).toEqual({ matched: 6, applied: 6 });
  });

  it('keeps fields that a change does not contain', () => {
    const fault = { enabled: false, match: { route: 'due' }, skip: 3, probability: 0.5 } as const;
    const { plan } = createPlan({ name: 'a', effect: 'reset', ...fault });
    plan.change('a', { enabled: undefined, match: undefined, skip: undefined, probability: undefined }, T0);
    plan.change('a', {}, T0);
    expect(plan.get('a', T0)).toMatchObject(fault);
  });

  it('rejects an invalid change and keeps the fault', () => {
    const { plan } = createPlan({ name: 'a', match: { route: 'due' }, effect: 'reset' });
    expect(() => plan.change('a', { effect: { kind: 'wrong_hash' } }, T0)).toThrow(
      expect.objectContaining({
        code: 'invalid_change',
        message: expect.stringContaining('the effect can do nothing on this route'),
      }),
    );
    expect(plan.get('a', T0).effect).toEqual({ kind: 'reset' });
    expect(() => plan.change('b', { skip: 1 }, T0)).toThrow(expect.objectContaining({ code: 'unknown' }));
  });

  it('reports everything that happens to a fault', () => {
    const { plan, apply, events } = createPlan({ name: 'a', effect: 'reset' });
    apply();
    plan.change('a', { skip: 1 }, T0);
    plan.restart('a', T0);
    plan.remove('a');
    expect(events).toEqual(['added a', 'applied a', 'changed a', 'changed a', 'removed a']);
  });
});
