import { EFFECTS, type EffectKind, effect, fault, faultChange, faults, getEffectRoutes } from '@downstream/control-api';
import { ROUTE_NAMES } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';

const RESET = { name: 'a', effect: 'reset' };
const KINDS = Object.keys(EFFECTS) as EffectKind[];

/** Required parameters. */
const NEEDED: Partial<Record<EffectKind, object>> = {
  fixed: { ms: 5 },
  uniform: { maxMs: 5 },
  lognormal: { medianMs: 5 },
  clock_skew: { ms: -5 },
};

/** The paths of a fault's errors. */
const placesIn = (given: unknown) => fault.safeParse(given).error?.issues.map(({ path }) => path.join('/')) ?? [];

describe('the schema of a fault', () => {
  it('requires a name and an effect, and has defaults for the rest', () => {
    expect(fault.parse(RESET)).toEqual({
      name: 'a',
      enabled: true,
      match: {},
      skip: 0,
      probability: 1,
      effect: { kind: 'reset' },
    });
    expect(placesIn({})).toEqual(['name', 'effect']);
  });

  it('has an unlimited window that begins immediately by default', () => {
    expect(fault.parse({ ...RESET, window: {} }).window).toEqual({ afterMs: 0 });
    expect(fault.parse({ ...RESET, window: { durationMs: 5 } }).window).toEqual({ afterMs: 0, durationMs: 5 });
  });

  it.each([
    ['name', ['', 'A', '-a', 'a b', 'a/b', 'é', 'a'.repeat(41), 1]],
    ['enabled', ['yes', 1, null]],
    ['skip', [-1, 0.5, '1', 1e10]],
    ['times', [0, -1, 1.5, null]],
    ['probability', [-0.1, 1.1, '0.5']],
    ['window', [5, { afterMs: -1 }, { durationMs: -1 }, { untilMs: 5 }]],
    ['ttlMs', [-1, '5', 1e12]],
    ['match/route', ['', 'home', [], ['due', 'home'], 5].map((route) => ({ route }))],
    ['match/method', ['get', 'PUT'].map((method) => ({ method }))],
    ['match/token', ['short', 'with blank', '', 'a'.repeat(129)].map((token) => ({ token }))],
    ['match/contract', ['abc12', 'ABCDEF', 'a'.repeat(65)].map((contract) => ({ contract }))],
    [
      'effect',
      [
        5,
        null,
        [],
        'explode',
        { kind: 'explode' },
        {},
        { kind: 'hang', forMs: -1 },
        { kind: 'hang', forMs: 3_600_001 },
      ],
    ],
  ])('validates %s', (place, wrong) => {
    const [field = ''] = place.split('/');
    for (const value of wrong) {
      const places = placesIn({ ...RESET, [field]: value });
      expect({ value, places }).toEqual({ value, places: [expect.stringMatching(new RegExp(`^${place}`))] });
    }
  });

  it('accepts one route, several or all', () => {
    for (const route of [...ROUTE_NAMES, '*', ['due', 'new']])
      expect(fault.parse({ ...RESET, match: { route } }).match).toEqual({ route });
  });
});

describe.each(KINDS)('the effect %s', (kind) => {
  const needed = NEEDED[kind] ?? {};
  const full = { kind, ...needed };

  it('has defaults and does not change when it is parsed again', () => {
    const parsed = effect.parse(full);
    expect(parsed).toMatchObject(full);
    expect(effect.parse(parsed)).toEqual(parsed);
  });

  it('can be its kind alone without required parameters', () => {
    const isEnough = Object.keys(needed).length === 0;
    expect(effect.safeParse(kind).success).toBe(isEnough);
    if (isEnough) expect(effect.parse(kind)).toEqual(effect.parse({ kind }));
  });

  it('rejects unknown parameters', () => {
    const { error } = effect.safeParse({ ...full, colour: 'red' });
    expect(error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['colour'], path: [] }]);
  });

  it('is accepted only with at least one route on which it can do something', () => {
    const able: readonly string[] = getEffectRoutes(kind) ?? ROUTE_NAMES;
    for (const route of ROUTE_NAMES) {
      const places = placesIn({ name: 'a', match: { route }, effect: full });
      expect({ route, places }).toEqual({ route, places: able.includes(route) ? [] : ['match/route'] });
    }
    const some = [...ROUTE_NAMES.filter((route) => !able.includes(route)).slice(0, 1), able[0]];
    expect(placesIn({ name: 'a', match: { route: some }, effect: full })).toEqual([]);
    expect(placesIn({ name: 'a', match: { route: '*' }, effect: full })).toEqual([]);
  });
});

describe('the schema of several faults', () => {
  it('requires unique names', () => {
    const { error } = faults.safeParse([RESET, { ...RESET, name: 'b' }, RESET]);
    expect(error?.issues).toMatchObject([{ path: [2, 'name'], message: 'duplicate name' }]);
  });

  it('allows 100 faults', () => {
    const many = Array.from({ length: 101 }, (_, n) => ({ ...RESET, name: `f${n}` }));
    expect(faults.safeParse(many.slice(1)).success).toBe(true);
    expect(faults.safeParse(many).error?.issues).toMatchObject([{ code: 'too_big', path: [] }]);
  });
});

describe('the schema of a change', () => {
  it('has no defaults, so that omitted fields do not change', () => {
    expect(faultChange.parse({})).toEqual({});
    expect(faultChange.parse({ effect: 'hang' })).toEqual({ effect: { kind: 'hang', forMs: 3_600_000 } });
  });

  it('allows `null` for limits only', () => {
    const bounds = { times: null, window: null, ttlMs: null };
    expect(faultChange.parse(bounds)).toEqual(bounds);
    for (const field of ['enabled', 'match', 'skip', 'probability', 'effect'])
      expect(faultChange.safeParse({ [field]: null }).success).toBe(false);
  });

  it('rejects a name', () => {
    expect(faultChange.safeParse({ name: 'b' }).error?.issues).toMatchObject([{ keys: ['name'] }]);
  });
});
