import type { RouteName } from '@downstream/protocol';
import { z } from 'zod';

const HOUR_MS = 3_600_000;
const YEAR_MS = 366 * 24 * HOUR_MS;
const MIB = 1024 * 1024;

const milliseconds = z.number().min(0).max(HOUR_MS);
const seconds = z.number().int().min(0).max(86_400);
const httpStatus = z.number().int().min(200).max(599);
const byteCount = (min: number, max: number) => z.number().int().min(min).max(max);
/** A header can contain only printable ASCII. */
const headerText = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
const none = z.strictObject({});

/**
 * What an effect changes. `connection` and `http` replace the response; the node does not process the request. In the
 * other groups it does: `response` damages the response, `delay` delays it, and `protocol` makes it wrong but valid, or
 * drops contracts.
 */
export const EFFECT_GROUPS = ['connection', 'http', 'response', 'delay', 'protocol'] as const;
export type EffectGroup = (typeof EFFECT_GROUPS)[number];

/**
 * Every effect of a fault, with its documentation and its parameters. `routes` lists the routes on which it can do
 * anything; without it, all of them. What an effect does is in mock-node/src/faults/effects.
 */
export const EFFECTS = {
  reset: { group: 'connection', description: 'Resets the connection (TCP RST).', parameters: none },
  empty: { group: 'connection', description: 'Closes the connection without sending a byte.', parameters: none },
  hang: {
    group: 'connection',
    description:
      'Keeps the connection open without a response for `forMs`, then resets it. By default this is longer than any client waits.',
    parameters: z.strictObject({ forMs: milliseconds.default(HOUR_MS) }),
  },
  refuse: {
    group: 'connection',
    description: 'Resets all connections and refuses new ones for `forMs`, or until the fault is changed or removed.',
    parameters: z.strictObject({ forMs: milliseconds.default(1_000) }),
  },
  status: {
    group: 'http',
    description: 'Responds with this HTTP status and an optional `Retry-After` header.',
    parameters: z.strictObject({
      status: httpStatus.default(503),
      retryAfterSeconds: seconds.optional(),
    }),
  },
  rate_limit: {
    group: 'http',
    description:
      'Responds with HTTP 429 to all but the first `requests` in each period of `perMs` node time. `Retry-After` is the rest of the period in seconds of real time. Only rejected requests count as applied.',
    parameters: z.strictObject({
      requests: z.number().int().min(0).max(1_000_000).default(10),
      perMs: milliseconds.min(1).default(1_000),
    }),
  },
  html: {
    group: 'http',
    description: 'Responds with an HTML error page, as a proxy does when the node behind it is down.',
    parameters: z.strictObject({ status: httpStatus.default(502) }),
  },
  redirect: {
    group: 'http',
    description: 'Redirects the client to `location`.',
    parameters: z.strictObject({
      status: z.union([301, 302, 303, 307, 308].map((code) => z.literal(code))).default(302),
      location: headerText.default('/elsewhere'),
    }),
  },
  truncate: {
    group: 'response',
    description:
      'Announces the full length, then closes the connection after `afterBytes`. The default is half of the response, or 64 KiB of a download.',
    parameters: z.strictObject({ afterBytes: byteCount(0, 1024 * MIB).optional() }),
  },
  malformed_json: {
    group: 'response',
    description: 'Sends complete HTTP with half of the body, which makes JSON invalid. Downloads are cut to 32 KiB.',
    parameters: none,
  },
  garbage: {
    group: 'response',
    description: 'Replaces the body with random bytes, or with `replaces: "response"` the entire HTTP response.',
    parameters: z.strictObject({
      bytes: byteCount(1, MIB).default(256),
      replaces: z.enum(['body', 'response']).default('body'),
    }),
  },
  dribble: {
    group: 'response',
    description: 'Sends the body in `pieces`, spread over `overMs`. In a download, this applies to the first block.',
    parameters: z.strictObject({
      pieces: z.number().int().min(2).max(1_000).default(5),
      overMs: milliseconds.default(1_000),
    }),
  },
  oversize: {
    group: 'response',
    description: 'Pads the body with spaces to at least `bytes`. JSON stays valid.',
    parameters: z.strictObject({ bytes: byteCount(1, 1024 * MIB).default(64 * MIB) }),
  },
  amplify: {
    group: 'response',
    routes: [
      'new',
      'chunk',
      'due',
      'challenge',
      'remove',
      'challenges',
      'answer',
      'v1_new',
      'v1_heartbeat',
      'v1_chunk',
      'v1_challenge',
      'v1_answer',
    ],
    description:
      'Replaces each value of the body with a list, so that `bytes` of JSON need a multiple of that memory when parsed: numbers, empty objects, nested lists without an end, or one long text.',
    parameters: z.strictObject({
      shape: z.enum(['numbers', 'objects', 'nesting', 'text']).default('numbers'),
      bytes: byteCount(1, 1024 * MIB).default(2 * MIB),
    }),
  },
  large_tag: {
    group: 'response',
    routes: ['v1_chunk'],
    description: 'Replaces the tag of the first chunk with one of about `bytes`, which is valid JSON.',
    parameters: z.strictObject({ bytes: byteCount(1, 1024 * MIB).default(100 * MIB) }),
  },
  wrong_content_type: {
    group: 'response',
    description: 'Sends the correct body with another `Content-Type`.',
    parameters: z.strictObject({ contentType: headerText.default('text/html') }),
  },
  drop_response: {
    group: 'response',
    description: 'Resets the connection instead of sending the response.',
    parameters: none,
  },
  fixed: {
    group: 'delay',
    description: 'Delays the response by `ms`.',
    parameters: z.strictObject({ ms: milliseconds }),
  },
  uniform: {
    group: 'delay',
    description: 'Delays the response by a random time, uniformly distributed between `minMs` and `maxMs`.',
    parameters: z
      .strictObject({ minMs: milliseconds.default(0), maxMs: milliseconds })
      .refine(({ minMs, maxMs }) => minMs <= maxMs, { path: ['minMs'], message: 'must not be greater than maxMs' }),
  },
  lognormal: {
    group: 'delay',
    description:
      'Delays the response by a random time with a lognormal distribution: the median is `medianMs`, `sigma` sets the tail, `maxMs` is the limit.',
    parameters: z.strictObject({
      medianMs: milliseconds,
      sigma: z.number().min(0).max(5).default(0.5),
      maxMs: milliseconds.default(60_000),
    }),
  },
  wrong_hash: {
    group: 'protocol',
    routes: ['chunk'],
    description:
      'Issues the contract under a hash that does not match its chunk. The node keeps and lists it under this hash.',
    parameters: none,
  },
  wrong_challenge: {
    group: 'protocol',
    routes: ['chunk', 'due', 'v1_chunk', 'v1_challenge'],
    description: 'Sends challenges other than those that the node verifies. A correct proof of what was sent fails.',
    parameters: none,
  },
  reject_answer: {
    group: 'protocol',
    routes: ['challenge', 'v1_answer'],
    description:
      'Judges answers as wrong, even if they are correct. A challenge that was already answered keeps its result.',
    parameters: none,
  },
  expire_contract: {
    group: 'protocol',
    routes: ['due', 'challenge', 'remove', 'download', 'v1_challenge', 'v1_answer'],
    description:
      'Ends the contract before the node processes the request. On `due`, `v1_challenge` and `v1_answer`, it ends the oldest contract of the farmer.',
    parameters: none,
  },
  no_chunks: {
    group: 'protocol',
    routes: ['chunk', 'v1_chunk'],
    description: 'Issues no contract: the response is `{"status":"no_chunks"}`, or an empty list of chunks.',
    parameters: none,
  },
  revoke_token: {
    group: 'protocol',
    routes: ['chunk', 'due', 'challenge', 'remove', 'v1_heartbeat', 'v1_chunk', 'v1_challenge', 'v1_answer'],
    description: 'Forgets the farmer and its contracts before the node processes the request.',
    parameters: none,
  },
  forget_all: {
    group: 'protocol',
    description: 'Forgets all farmers and contracts before the node processes the request.',
    parameters: none,
  },
  shorten_interval: {
    group: 'protocol',
    routes: ['chunk', 'v1_chunk'],
    description:
      'Multiplies the interval of new contracts by `factor`. The contract states the new interval or its end only with `announced: true`.',
    parameters: z.strictObject({
      factor: z.number().min(0.001).max(1).default(0.5),
      announced: z.boolean().default(false),
    }),
  },
  duplicate_challenge: {
    group: 'protocol',
    routes: ['due', 'v1_challenge'],
    description: 'Lists every contract twice, and every challenge of the current round twice, including answered ones.',
    parameters: none,
  },
  extra_entries: {
    group: 'protocol',
    routes: ['due', 'v1_challenge'],
    description:
      'Adds `count` entries at the start of the listing: `invalid` ones without a valid hash, or `unknown` contracts that the farmer does not have.',
    parameters: z.strictObject({
      entries: z.enum(['invalid', 'unknown']).default('invalid'),
      count: z.number().int().min(1).max(500_000).default(1),
    }),
  },
  exceed_size: {
    group: 'protocol',
    routes: ['v1_chunk'],
    description: 'Issues chunks of up to `factor` times the requested size.',
    parameters: z.strictObject({ factor: z.number().min(1).max(1_000_000).default(2) }),
  },
  wrong_tag: {
    group: 'protocol',
    routes: ['v1_chunk'],
    description: 'Sends each chunk with the tag of another one. The tag is well-formed, but proofs with it are wrong.',
    parameters: none,
  },
  malformed_tag: {
    group: 'protocol',
    routes: ['v1_chunk'],
    description:
      'Sends tags that are not of the scheme. `wrong_order` states another size of the tree (Merkle) or count of numbers (Swizzle) than the tag has, `huge_count` one that exhausts memory. `missing_nodes` omits the second half of the tag, `inconsistent` swaps leaves of the tree or sends numbers beyond the prime, and `wrong_type` sends another JSON type.',
    parameters: z.strictObject({
      shape: z
        .enum(['wrong_order', 'missing_nodes', 'huge_count', 'inconsistent', 'wrong_type'])
        .default('wrong_order'),
    }),
  },
  empty_challenge: {
    group: 'protocol',
    routes: ['v1_chunk', 'v1_challenge'],
    description:
      'Sends Swizzle challenges that cover no byte (l = 0), as the original node does for small files. The node accepts the proof, which shows nothing. Merkle challenges are not changed.',
    parameters: none,
  },
  wrong_due: {
    group: 'protocol',
    routes: ['v1_chunk', 'v1_challenge'],
    description:
      'Replaces each `due`. `nan` and `infinity` are literals that JSON does not have, but Python writes and reads.',
    parameters: z.strictObject({
      due: z
        .enum(['negative', 'huge', 'nan', 'infinity', 'text', 'null', 'list', 'object', 'boolean'])
        .default('negative'),
    }),
  },
  wrong_id: {
    group: 'protocol',
    routes: ['v1_chunk', 'v1_challenge', 'v1_answer'],
    description:
      'Replaces each `file_hash` with another JSON type or an invalid value. Only `text`, the number as text, identifies the contract.',
    parameters: z.strictObject({
      id: z
        .enum(['text', 'path', 'long_text', 'negative', 'fraction', 'huge', 'boolean', 'null', 'list', 'object'])
        .default('null'),
    }),
  },
  false_report: {
    group: 'protocol',
    routes: ['v1_challenge', 'v1_answer'],
    description:
      'Reports running contracts as `expired`, `not_found`, `completed` (no more challenges, only on `v1_challenge`) or `answered`. The node keeps the contracts and counts their answers.',
    parameters: z.strictObject({
      report: z.enum(['expired', 'not_found', 'completed', 'answered']).default('expired'),
    }),
  },
  unknown_scheme: {
    group: 'protocol',
    routes: ['v1_new', 'v1_heartbeat'],
    description: 'States `type` as the proof scheme.',
    parameters: z.strictObject({ type: z.string().max(1_000).default('Quantum') }),
  },
  wrong_prime: {
    group: 'protocol',
    routes: ['v1_new', 'v1_heartbeat'],
    description: 'Sends a Swizzle heartbeat whose prime is a number of `bits` bits.',
    parameters: z.strictObject({ bits: z.number().int().min(1).max(1_000_000).default(1) }),
  },
  clock_skew: {
    group: 'protocol',
    description: 'Shifts the `Date` header of the response by `ms`.',
    parameters: z.strictObject({ ms: z.number().int().min(-YEAR_MS).max(YEAR_MS) }),
  },
} as const satisfies Record<
  string,
  { group: EffectGroup; routes?: readonly RouteName[]; description: string; parameters: z.ZodObject }
>;

export type EffectKind = keyof typeof EFFECTS;

export type EffectKindIn<Group extends EffectGroup> = {
  [Kind in EffectKind]: (typeof EFFECTS)[Kind]['group'] extends Group ? Kind : never;
}[EffectKind];

/** The effects that only routes of the v1 API have. */
export type V1EffectKind = {
  [Kind in EffectKind]: (typeof EFFECTS)[Kind] extends { routes: readonly `v1_${string}`[] } ? Kind : never;
}[EffectKind];

type Parameters<Kind extends EffectKind> = (typeof EFFECTS)[Kind]['parameters'];

/** An empty object's type would forbid every key, including `kind`. */
type UnlessEmpty<T> = T extends Record<string, never> ? unknown : T;

/** The effects with all their parameters, by kind. */
export type EffectByKind = {
  [Kind in EffectKind]: { readonly kind: Kind } & Readonly<UnlessEmpty<z.output<Parameters<Kind>>>>;
};
export type Effect = EffectByKind[EffectKind];

/** An effect as a client sends it: without default parameters, or as its kind alone if it needs none. */
export type EffectInput =
  | { [Kind in EffectKind]: { kind: Kind } & UnlessEmpty<z.input<Parameters<Kind>>> }[EffectKind]
  | EffectKind;

const effectObject = z.discriminatedUnion(
  'kind',
  // The compiler knows only the union of the table's entries, not that each becomes a member of `Effect`.
  Object.entries(EFFECTS).map(([kind, { parameters, description }]) =>
    parameters.safeExtend({ kind: z.literal(kind) }).meta({ description }),
  ) as never,
) as unknown as z.ZodType<Effect, Exclude<EffectInput, EffectKind>>;

export const effect: z.ZodType<Effect, EffectInput> = z.preprocess(
  (input) => (typeof input === 'string' ? { kind: input } : input),
  effectObject,
) as unknown as z.ZodType<Effect, EffectInput>;

/** The routes on which an effect can do anything; undefined for all of them. */
export function getEffectRoutes(kind: EffectKind): readonly RouteName[] | undefined {
  const entry = EFFECTS[kind];
  return 'routes' in entry ? entry.routes : undefined;
}
