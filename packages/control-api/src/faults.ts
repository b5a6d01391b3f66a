import { z } from 'zod';
import { type Effect, effect, getEffectRoutes } from './effects.ts';
import { instant } from './instants.ts';
import { routeName } from './route-name.ts';

const YEAR_MS = 366 * 86_400_000;
const countSchema = (least: number) => z.number().int().min(least).max(1_000_000_000);
const count = countSchema(0);
const duration = z.number().min(0).max(YEAR_MS);

/** What a fault is called: a label of the metrics and a part of URLs. */
export const faultName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,39}$/,
    'must be 1 to 40 lowercase letters, digits, - and _, and begin with a letter or digit',
  );

/** The whole, or its first characters, six at least. */
const prefixSchema = (what: string, pattern: RegExp) =>
  z.string().regex(pattern, `must be ${what}, or its first six characters or more`);

/** Which requests a fault is for: those that fit all that is given; every one where nothing is. */
const match = z.strictObject({
  route: z
    .union([z.literal('*'), routeName, z.array(routeName).min(1).max(9)])
    .optional()
    .describe('A route, several, or `*` for all.'),
  method: z.enum(['GET', 'HEAD', 'POST', 'DELETE']).optional(),
  token: prefixSchema("a farmer's token", /^[A-Za-z0-9_-]{6,128}$/)
    .optional()
    .describe("A farmer's token, or its first six characters or more."),
  contract: prefixSchema("a contract's hash", /^[0-9a-f]{6,64}$/)
    .optional()
    .describe(
      "A contract's hash, or its first six characters or more. A farmer's listing fits when it has that contract.",
    ),
});

const window = z.strictObject({
  afterMs: duration.default(0).describe('Begins so long after the fault was added, by the node’s clock.'),
  durationMs: duration.optional().describe('Lasts so long; for ever without.'),
});

const fields = {
  enabled: z.boolean().describe('A switch: off, it is as if there were no such fault.'),
  match,
  skip: count.describe('So many fitting requests are let go first.'),
  times: countSchema(1).describe('Applied so often at most; without end if not given.'),
  probability: z.number().min(0).max(1).describe('How likely it is applied to a fitting request. At 0 it never is.'),
  window,
  ttlMs: duration.describe('Gone so long after it was added, by the node’s clock.'),
  effect,
};

/** An effect on a route that never has it would wait for ever without a word. */
function fits({
  match: { route = '*' },
  effect: { kind },
}: {
  match: z.output<typeof match>;
  effect: Effect;
}): boolean {
  const routes = getEffectRoutes(kind);
  if (routes === undefined || route === '*') return true;
  return [route].flat().some((name) => routes.includes(name));
}

export const fault = z
  .strictObject({
    name: faultName,
    enabled: fields.enabled.default(true),
    match: fields.match.default({}),
    skip: fields.skip.default(0),
    times: fields.times.optional(),
    probability: fields.probability.default(1),
    window: fields.window.optional(),
    ttlMs: fields.ttlMs.optional(),
    effect: fields.effect,
  })
  .refine(fits, { path: ['match', 'route'], message: 'is a route on which this effect never has any' });

export type Fault = z.output<typeof fault>;
/** A fault as it is given: name and effect, and whatever differs from the defaults. */
export type FaultInput = z.input<typeof fault>;

/** What of a fault can be changed; `null` takes a bound away. */
export const faultChange = z.strictObject({
  enabled: fields.enabled.optional(),
  match: fields.match.optional(),
  skip: fields.skip.optional(),
  times: fields.times.nullable().optional(),
  probability: fields.probability.optional(),
  window: fields.window.nullable().optional(),
  ttlMs: fields.ttlMs.nullable().optional(),
  effect: fields.effect.optional(),
});
export type FaultChange = z.output<typeof faultChange>;
export type FaultChangeInput = z.input<typeof faultChange>;

/** What has become of a fault so far. */
export const faultReport = z.object({
  name: faultName,
  enabled: fields.enabled,
  match: fields.match,
  skip: fields.skip,
  times: fields.times.optional(),
  probability: fields.probability,
  window: fields.window.optional(),
  ttlMs: fields.ttlMs.optional(),
  effect: fields.effect,
  addedAt: instant,
  matched: count.describe('Requests that fitted while it was active.'),
  applied: count.describe('Of those, the ones it was applied to.'),
  state: z
    .enum(['active', 'disabled', 'pending', 'finished'])
    .describe('`pending`: the window has not begun. `finished`: the window is over, or `times` is reached.'),
});
export type FaultReport = z.output<typeof faultReport>;

/** So many faults at once. */
export const MAX_FAULTS = 100;

/** Names are unique. */
export const faults = z
  .array(fault)
  .max(MAX_FAULTS)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name)) context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is there twice' });
      seen.add(name);
    }
  });
