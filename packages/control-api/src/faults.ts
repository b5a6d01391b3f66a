import { ROUTE_NAMES } from '@downstream/protocol';
import { z } from 'zod';
import { type Effect, effect, getEffectRoutes } from './effects.ts';
import { instant } from './instants.ts';
import { routeName } from './route-name.ts';

const YEAR_MS = 366 * 86_400_000;
const countFrom = (min: number) => z.number().int().min(min).max(1_000_000_000);
const count = countFrom(0);
const duration = z.number().min(0).max(YEAR_MS);

/** A fault's name, which is a metric label and part of URLs. */
export const faultName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,39}$/,
    'must be 1 to 40 lowercase letters, digits, - or _, and start with a letter or digit',
  );

const prefix = (of: string, pattern: RegExp) =>
  z.string().regex(pattern, `must be ${of} or at least its first six characters`);

/** Selects the requests that match all given fields. */
const match = z.strictObject({
  route: z
    .union([z.literal('*'), routeName, z.array(routeName).min(1).max(ROUTE_NAMES.length)])
    .optional()
    .describe('A route, a list of routes, or `*` for all.'),
  method: z.enum(['GET', 'HEAD', 'POST', 'DELETE']).optional(),
  token: prefix("a farmer's token", /^[A-Za-z0-9_-]{6,128}$/)
    .optional()
    .describe("A farmer's token or at least its first six characters."),
  contract: prefix("a contract's number, or its hash", /^([0-9a-f]{6,64}|\d{1,15})$/)
    .optional()
    .describe(
      "A contract's hash or at least its first six characters, or its number in the v1 API. Also matches `due`, `v1_challenge` and `v1_answer` requests of its farmer.",
    ),
});

const window = z.strictObject({
  afterMs: duration.default(0).describe('Node time from adding the fault to the start of the window.'),
  durationMs: duration.optional().describe('Length of the window in node time. Default: unlimited.'),
});

const settings = {
  enabled: z.boolean().describe('If false, the fault neither applies nor counts requests.'),
  match,
  skip: count.describe('Number of matching requests to let through first.'),
  probability: z.number().min(0).max(1).describe('Probability that the fault applies to a matching request.'),
  effect,
};
const limits = {
  times: countFrom(1).describe('Maximum number of requests to which the fault applies. Default: unlimited.').optional(),
  window: window.optional(),
  ttlMs: duration.describe('Node time after which the fault is removed.').optional(),
};

/** Without this check, a fault whose effect can do nothing on its routes would be accepted but never apply. */
function hasUsableRoute(fault: { match: z.output<typeof match>; effect: Effect }): boolean {
  const { route = '*' } = fault.match;
  const routes = getEffectRoutes(fault.effect.kind);
  return routes === undefined || route === '*' || [route].flat().some((name) => routes.includes(name));
}

export const fault = z
  .strictObject({
    name: faultName,
    ...settings,
    enabled: settings.enabled.default(true),
    match: match.default({}),
    skip: settings.skip.default(0),
    probability: settings.probability.default(1),
    ...limits,
  })
  .refine(hasUsableRoute, { path: ['match', 'route'], message: 'the effect can do nothing on this route' });

export type Fault = z.output<typeof fault>;
/** A fault as a client sends it: default values can be left out. */
export type FaultInput = z.input<typeof fault>;

/** A change of a fault. `null` removes a limit. */
export const faultChange = z
  .strictObject({
    ...settings,
    times: limits.times.nullable(),
    window: limits.window.nullable(),
    ttlMs: limits.ttlMs.nullable(),
  })
  .partial();
export type FaultChange = z.output<typeof faultChange>;
export type FaultChangeInput = z.input<typeof faultChange>;

/** A fault with its counts and its state. */
export const faultReport = z.object({
  name: faultName,
  ...settings,
  ...limits,
  addedAt: instant,
  matched: count.describe('Number of requests that matched while the fault was active.'),
  applied: count.describe('Number of matching requests to which the fault was applied.'),
  state: z
    .enum(['active', 'disabled', 'pending', 'finished'])
    .describe('`pending`: the window has not begun. `finished`: the window is over, or `times` is reached.'),
});
export type FaultReport = z.output<typeof faultReport>;

export const MAX_FAULTS = 100;

/** A list of faults with unique names. */
export const faults = z
  .array(fault)
  .max(MAX_FAULTS)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name)) context.addIssue({ code: 'custom', path: [index, 'name'], message: 'duplicate name' });
      seen.add(name);
    }
  });
