import type { RouteName } from '@downstream/protocol';
import { z } from 'zod';

const ms = (most: number) => z.number().min(0).max(most);
const HOUR_MS = 3_600_000;
const MAX_DELAY_MS = HOUR_MS;
const MIB = 1024 * 1024;
const httpStatus = z.number().int().min(200).max(599);
/** Printable ASCII: what a header may hold. */
const headerText = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');

/** Which part of an exchange an effect is about. */
export const EFFECT_GROUPS = ['connection', 'http', 'body', 'delay', 'protocol'] as const;
export type EffectGroup = (typeof EFFECT_GROUPS)[number];

const seconds = z.number().int().min(0).max(86_400);

/**
 * Every effect that a fault can have, with its parameters and their defaults. `handled`: whether the node does what it
 * was asked (state changes) before the client sees the effect. `routes`: where it can have any effect; everywhere without.
 */
export const EFFECTS = {
  reset: {
    group: 'connection',
    handled: false,
    about: 'The connection is reset (TCP RST) instead of a reply.',
    parameters: z.strictObject({}),
  },
  empty: {
    group: 'connection',
    handled: false,
    about: 'The connection is closed in good order, without a byte of a reply.',
    parameters: z.strictObject({}),
  },
  hang: {
    group: 'connection',
    handled: false,
    about:
      'No reply comes: the connection stays open for `forMs`, then it is reset. Longer than any client waits, by default.',
    parameters: z.strictObject({ forMs: ms(HOUR_MS).default(HOUR_MS) }),
  },
  refuse: {
    group: 'connection',
    handled: false,
    about:
      'The request is reset, every other connection is cut, and for `forMs` nobody can connect at all; less if the fault is changed or removed meanwhile.',
    parameters: z.strictObject({ forMs: ms(HOUR_MS).default(1_000) }),
  },
  status: {
    group: 'http',
    handled: false,
    about: 'A reply of this HTTP status, with `Retry-After` where it is given.',
    parameters: z.strictObject({
      status: httpStatus.default(503),
      retryAfterSeconds: seconds.optional(),
    }),
  },
  rate_limit: {
    group: 'http',
    handled: false,
    about:
      'Beyond `requests` of them in `perMs` of the node’s time: HTTP 429, with `Retry-After` to the end of that time, in seconds of the client. Only these count as applied.',
    parameters: z.strictObject({
      requests: z.number().int().min(0).max(1_000_000).default(10),
      perMs: z.number().min(1).max(HOUR_MS).default(1_000),
    }),
  },
  html: {
    group: 'http',
    handled: false,
    about: 'A page of HTML, as a proxy shows one when the node behind it is gone.',
    parameters: z.strictObject({ status: httpStatus.default(502) }),
  },
  redirect: {
    group: 'http',
    handled: false,
    about: 'Sends the client elsewhere.',
    parameters: z.strictObject({
      status: z.union([301, 302, 303, 307, 308].map((code) => z.literal(code))).default(302),
      location: headerText.default('/elsewhere'),
    }),
  },
  truncate: {
    group: 'body',
    handled: true,
    about:
      'The reply promises all its bytes and breaks off after `afterBytes`; where none is given after half of them, or after 64 KiB of a download.',
    parameters: z.strictObject({
      afterBytes: z
        .number()
        .int()
        .min(0)
        .max(1024 * MIB)
        .optional(),
    }),
  },
  malformed_json: {
    group: 'body',
    handled: true,
    about: 'The reply is complete HTTP, but its JSON ends in the middle; a download does too.',
    parameters: z.strictObject({}),
  },
  garbage: {
    group: 'body',
    handled: true,
    about: 'Random bytes in place of the body; with `instead: "reply"` in place of the whole HTTP reply.',
    parameters: z.strictObject({
      bytes: z.number().int().min(1).max(MIB).default(256),
      instead: z.enum(['body', 'reply']).default('body'),
    }),
  },
  dribble: {
    group: 'body',
    handled: true,
    about: 'The reply comes in `pieces`, spread over `overMs`; of a download its first block does.',
    parameters: z.strictObject({
      pieces: z.number().int().min(2).max(1_000).default(5),
      overMs: ms(HOUR_MS).default(1_000),
    }),
  },
  oversize: {
    group: 'body',
    handled: true,
    about: 'The reply is blown up with blanks, to `bytes` at least: still right JSON.',
    parameters: z.strictObject({
      bytes: z
        .number()
        .int()
        .min(1)
        .max(1024 * MIB)
        .default(64 * MIB),
    }),
  },
  wrong_content_type: {
    group: 'body',
    handled: true,
    about: 'The right body under another `Content-Type`.',
    parameters: z.strictObject({ contentType: headerText.default('text/html') }),
  },
  fixed: {
    group: 'delay',
    handled: true,
    about: 'The reply waits for `ms`. What was asked is done before.',
    parameters: z.strictObject({ ms: ms(MAX_DELAY_MS) }),
  },
  uniform: {
    group: 'delay',
    handled: true,
    about: 'The reply waits for a time drawn evenly between `minMs` and `maxMs`.',
    parameters: z
      .strictObject({ minMs: ms(MAX_DELAY_MS).default(0), maxMs: ms(MAX_DELAY_MS) })
      .refine(({ minMs, maxMs }) => minMs <= maxMs, { path: ['minMs'], message: 'must not be more than maxMs' }),
  },
  lognormal: {
    group: 'delay',
    handled: true,
    about:
      'The reply waits as real ones do: `medianMs` in the middle, a long tail by `sigma`, never more than `maxMs`.',
    parameters: z.strictObject({
      medianMs: ms(MAX_DELAY_MS),
      sigma: z.number().min(0).max(5).default(0.5),
      maxMs: ms(MAX_DELAY_MS).default(60_000),
    }),
  },
  wrong_hash: {
    group: 'protocol',
    handled: true,
    routes: ['chunk'],
    about: 'The contract is made under a hash that its chunk does not have, and kept and listed under it.',
    parameters: z.strictObject({}),
  },
  wrong_challenge: {
    group: 'protocol',
    handled: true,
    routes: ['chunk', 'due'],
    about: 'The challenges told are not those that answers are held against: whoever proves what was asked fails.',
    parameters: z.strictObject({}),
  },
  reject_answer: {
    group: 'protocol',
    handled: true,
    routes: ['challenge'],
    about:
      'The answer is taken for wrong, whatever it is, and settles the challenge as that, unless an answer before has settled it.',
    parameters: z.strictObject({}),
  },
  expire_contract: {
    group: 'protocol',
    handled: true,
    routes: ['due', 'challenge', 'remove', 'download'],
    about:
      'The node ends the contract before it looks at the request; when its farmer asks for what is due, the oldest one.',
    parameters: z.strictObject({}),
  },
  no_chunks: {
    group: 'protocol',
    handled: false,
    routes: ['chunk'],
    about: 'There is no contract to be had: `{"status":"no_chunks"}`.',
    parameters: z.strictObject({}),
  },
  revoke_token: {
    group: 'protocol',
    handled: true,
    routes: ['chunk', 'due', 'challenge', 'remove'],
    about: 'The node forgets this farmer, with all its contracts, before it looks at the request.',
    parameters: z.strictObject({}),
  },
  forget_all: {
    group: 'protocol',
    handled: true,
    about: 'The node forgets every farmer and every contract before it looks at the request.',
    parameters: z.strictObject({}),
  },
  drop_response: {
    group: 'protocol',
    handled: true,
    about: 'What was asked is done, and the connection is reset before the reply.',
    parameters: z.strictObject({}),
  },
  shorten_interval: {
    group: 'protocol',
    handled: true,
    routes: ['chunk'],
    about:
      'The contract’s challenges follow each other `factor` times as fast. The contract says so, or with `told: false` it does not.',
    parameters: z.strictObject({
      factor: z.number().min(0.001).max(1).default(0.5),
      told: z.boolean().default(false),
    }),
  },
  duplicate_challenge: {
    group: 'protocol',
    handled: true,
    routes: ['due'],
    about: 'Every contract is listed twice, and every challenge of this round too, those answered already included.',
    parameters: z.strictObject({}),
  },
  clock_skew: {
    group: 'protocol',
    handled: true,
    about: 'The reply’s `Date` header is off by `ms`.',
    parameters: z.strictObject({
      ms: z
        .number()
        .int()
        .min(-86_400_000 * 366)
        .max(86_400_000 * 366),
    }),
  },
} as const satisfies Record<
  string,
  {
    group: EffectGroup;
    handled: boolean;
    routes?: readonly RouteName[];
    about: string;
    parameters: z.ZodObject;
  }
>;

export type EffectKind = keyof typeof EFFECTS;

type Parameters<Kind extends EffectKind> = (typeof EFFECTS)[Kind]['parameters'];

/** An empty object's type would forbid every key, `kind` too. */
type UnlessEmpty<Of> = Of extends Record<string, never> ? unknown : Of;

/** An effect with all its parameters. */
export type Effect = {
  [Kind in EffectKind]: { readonly kind: Kind } & Readonly<UnlessEmpty<z.output<Parameters<Kind>>>>;
}[EffectKind];

/** An effect as it is given: parameters with a default may be left out, and an effect without others be its kind alone. */
export type EffectInput =
  | { [Kind in EffectKind]: { kind: Kind } & UnlessEmpty<z.input<Parameters<Kind>>> }[EffectKind]
  | EffectKind;

/** An effect as an object. */
export const effectObject = z.discriminatedUnion(
  'kind',
  // Of a table's entries the compiler knows only their union; that each becomes a member of `Effect` is said above.
  Object.entries(EFFECTS).map(([kind, { parameters, about }]) =>
    parameters.safeExtend({ kind: z.literal(kind) }).meta({ description: about }),
  ) as never,
) as unknown as z.ZodType<Effect, Exclude<EffectInput, EffectKind>>;

export const effect: z.ZodType<Effect, EffectInput> = z.preprocess(
  (given) => (typeof given === 'string' ? { kind: given } : given),
  effectObject,
) as unknown as z.ZodType<Effect, EffectInput>;

const WIRE_GROUPS: ReadonlySet<EffectGroup> = new Set(['connection', 'http', 'body']);

/** Whether an effect decides what goes over the wire instead of the reply: a request takes one such at most. */
export function decidesTheWire(kind: EffectKind): boolean {
  return WIRE_GROUPS.has(EFFECTS[kind].group) || kind === 'drop_response';
}

/** Where an effect can have any; every route without. */
export function getEffectRoutes(kind: EffectKind): readonly RouteName[] | undefined {
  const entry = EFFECTS[kind];
  return 'routes' in entry ? entry.routes : undefined;
}
