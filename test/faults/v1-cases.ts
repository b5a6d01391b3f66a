import type { EffectKind } from '@downstream/control-api';
import type { PRESETS } from '../../mock-node/src/faults/presets.ts';
import type { FaultCase, PresetCase } from './cases.ts';

const MIB = 1024 * 1024;
/** The routes that a farmer uses continuously. */
const FARMING_ROUTES = ['v1_challenge', 'v1_answer'] as const;
const SWIZZLE = { scheme: 'swizzle' } as const;

const RETRIES = 'Retries after a pause. An answer that the node has already counted is passed.';
const RETRIES_AFTER = 'Retries after `Retry-After`, but not later than the next deadline.';
const REQUESTS_OTHERS = 'Requests other contracts after a pause. The node keeps those whose offer did not arrive.';
const RETRIES_REGISTRATION = 'Retries the registration after a pause.';
const WAITS = 'Waits.';
const STARTS_OVER =
  'Drops all contracts after three consecutive responses, registers again and requests new contracts.';
const REJECTS_TAG = 'Rejects the contracts, and requests others after a pause.';
const SKIPS_OFFERS = 'Skips and counts the offers, and requests others after a pause.';
const ACCEPTS_COMPLETE_OFFERS =
  'Accepts the offers that arrived, and requests others. The node keeps those whose offer did not arrive.';
const KEEPS_UNTIL_REPEATED = 'Keeps the contracts, and asks again: only reports that repeat for an interval end them.';
const SKIPS_ENTRIES = 'Skips and counts the entries, and asks again.';
const ALL_LOST = { token_lost: 5 } as const;
/** No loss. The node may count challenges of contracts that it considers accepted. */
const NONE = {};

/** The rows of the matrix for the v1 API. */
export const V1_CASES: { readonly [Kind in EffectKind]?: readonly FaultCase<Kind>[] } = {
  reset: [
    { on: [...FARMING_ROUTES, 'v1_chunk'], counted: 'unreachable', behavior: RETRIES },
    { on: ['v1_new'], counted: 'unreachable', behavior: RETRIES_REGISTRATION },
  ],
  empty: [{ on: FARMING_ROUTES, counted: 'unreachable', behavior: RETRIES }],
  hang: [
    {
      on: FARMING_ROUTES,
      times: 1,
      counted: 'timeout',
      behavior: 'Times out after a third of a round or of the slack, and retries.',
    },
  ],
  refuse: [{ on: FARMING_ROUTES, parameters: { forMs: 500 }, times: 1, counted: 'unreachable', behavior: RETRIES }],
  status: [
    {
      on: [...FARMING_ROUTES, 'v1_chunk'],
      parameters: { status: 503, retryAfterSeconds: 1 },
      counted: 'rejected',
      behavior: RETRIES_AFTER,
    },
    { on: ['v1_new'], parameters: { status: 500 }, counted: 'rejected', behavior: RETRIES_REGISTRATION },
  ],
  rate_limit: [
    { on: FARMING_ROUTES, parameters: { requests: 0 }, times: 1, counted: 'rejected', behavior: RETRIES_AFTER },
  ],
  html: [
    { on: FARMING_ROUTES, counted: 'http_error', behavior: RETRIES },
    { on: FARMING_ROUTES, parameters: { status: 200 }, counted: 'invalid_response', behavior: RETRIES },
  ],
  redirect: [
    { on: [...FARMING_ROUTES, 'v1_chunk'], counted: 'rejected', behavior: `Does not follow redirects. ${RETRIES}` },
  ],
  truncate: [
    { on: FARMING_ROUTES, counted: 'invalid_response', behavior: RETRIES },
    { on: ['v1_chunk'], counted: 'ok', behavior: ACCEPTS_COMPLETE_OFFERS, failed: NONE },
  ],
  malformed_json: [{ on: FARMING_ROUTES, counted: 'invalid_response', behavior: RETRIES }],
  garbage: [
    { on: FARMING_ROUTES, counted: 'invalid_response', behavior: RETRIES },
    { on: ['v1_chunk'], counted: 'invalid_response', behavior: REQUESTS_OTHERS, failed: NONE },
    { on: FARMING_ROUTES, parameters: { replaces: 'response' }, counted: 'invalid_response', behavior: RETRIES },
  ],
  dribble: [{ on: [...FARMING_ROUTES, 'v1_chunk'], parameters: { overMs: 500 }, counted: 'ok', behavior: WAITS }],
  oversize: [
    {
      on: FARMING_ROUTES,
      times: 1,
      counted: 'invalid_response',
      behavior: `Disconnects after 64 KiB more than the response can need. ${RETRIES}`,
      maxBytesRead: 16 * MIB,
    },
    {
      on: ['v1_chunk'],
      times: 1,
      counted: 'ok',
      behavior: 'Disconnects after 16 MiB, and accepts the offers that arrived.',
      maxBytesRead: 32 * MIB,
    },
  ],
  amplify: [
    {
      on: FARMING_ROUTES,
      times: 1,
      counted: 'invalid_response',
      behavior: `Stops at the limits of entries and depth. ${RETRIES}`,
    },
    { on: ['v1_chunk'], times: 1, counted: 'invalid_response', behavior: REQUESTS_OTHERS, failed: NONE },
  ],
  large_tag: [
    {
      on: ['v1_chunk'],
      times: 1,
      counted: 'invalid_response',
      behavior: `Disconnects after 16 MiB. ${REQUESTS_OTHERS}`,
      failed: NONE,
      maxBytesRead: 32 * MIB,
    },
  ],
  wrong_content_type: [{ on: [...FARMING_ROUTES, 'v1_chunk'], counted: 'ok', behavior: 'Ignores the content type.' }],
  drop_response: [
    { on: FARMING_ROUTES, counted: 'unreachable', behavior: RETRIES },
    { on: ['v1_chunk'], counted: 'unreachable', behavior: REQUESTS_OTHERS, failed: NONE },
    { on: ['v1_new'], counted: 'unreachable', behavior: RETRIES_REGISTRATION },
  ],
  fixed: [{ on: FARMING_ROUTES, parameters: { ms: 500 }, counted: 'ok', behavior: WAITS }],
  wrong_challenge: [
    {
      on: ['v1_challenge', 'v1_chunk'],
      times: 1,
      counted: 'ok',
      behavior: 'Does not answer a challenge that cannot belong to the contract, and asks for it again.',
    },
    {
      on: ['v1_challenge'],
      times: 1,
      counted: 'ok',
      behavior: 'Proves the wrong challenge, and asks for it again when the node rejects the answer.',
      node: SWIZZLE,
    },
  ],
  reject_answer: [
    { on: ['v1_answer'], times: 1, counted: 'ok', behavior: 'Asks for the challenge again, and proves it again.' },
  ],
  expire_contract: [
    {
      on: FARMING_ROUTES,
      times: 1,
      counted: 'ok',
      behavior: 'Deletes the chunk, and requests another contract.',
      ended: { ended_by_node: 1 },
    },
  ],
  no_chunks: [{ on: ['v1_chunk'], counted: 'ok', behavior: 'Retries after growing pauses.' }],
  revoke_token: [
    { on: FARMING_ROUTES, times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: ALL_LOST },
    { on: ['v1_chunk'], times: 1, counted: 'no_token', behavior: STARTS_OVER },
  ],
  forget_all: [{ on: ['v1_challenge'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: ALL_LOST }],
  shorten_interval: [
    {
      on: ['v1_chunk'],
      times: 1,
      parameters: { announced: true },
      counted: 'ok',
      behavior: 'Accepts the contracts.',
    },
    {
      on: ['v1_chunk'],
      times: 1,
      parameters: { announced: true, factor: 0.15 },
      counted: 'ok',
      behavior: `Rejects offers with a deadline in less than one second. ${REQUESTS_OTHERS}`,
      failed: NONE,
    },
  ],
  duplicate_challenge: [{ on: ['v1_challenge'], counted: 'ok', behavior: 'Answers and counts each challenge once.' }],
  extra_entries: [
    { on: ['v1_challenge'], parameters: { count: 50 }, counted: 'ok', behavior: SKIPS_ENTRIES },
    {
      on: ['v1_challenge'],
      parameters: { entries: 'unknown', count: 50_000 },
      times: 1,
      counted: 'invalid_response',
      behavior: `Disconnects after 64 KiB more than the response can need. ${RETRIES}`,
    },
  ],
  exceed_size: [
    {
      on: ['v1_chunk'],
      times: 1,
      parameters: { factor: 3 },
      counted: 'invalid_response',
      behavior: `Accepts none of the offers. ${REQUESTS_OTHERS}`,
      failed: NONE,
    },
  ],
  wrong_tag: [
    {
      on: ['v1_chunk'],
      times: 1,
      counted: 'ok',
      behavior:
        'Sends no answer, because the challenge does not belong to the tag. Requests others when the node has ended the contracts.',
      failed: { node_error: 5 },
      ended: { ended_by_node: 5 },
    },
  ],
  malformed_tag: (['missing_nodes', 'huge_count', 'inconsistent'] as const).map((shape) => ({
    on: ['v1_chunk'] as const,
    parameters: { shape },
    times: 1,
    counted: 'ok' as const,
    behavior: REJECTS_TAG,
    rejected: { invalid_tag: 5 },
    failed: NONE,
  })),
  empty_challenge: [
    { on: ['v1_challenge'], counted: 'ok', behavior: 'Answers and counts the challenges.', node: SWIZZLE },
  ],
  wrong_due: (['negative', 'nan'] as const).flatMap((due) => [
    {
      on: ['v1_chunk'] as const,
      parameters: { due },
      times: 1,
      counted: 'ok' as const,
      behavior: SKIPS_OFFERS,
      failed: NONE,
    },
    { on: ['v1_challenge'] as const, parameters: { due }, counted: 'ok' as const, behavior: SKIPS_ENTRIES },
  ]),
  wrong_id: [
    ...(['path', 'huge'] as const).map((id) => ({
      on: ['v1_chunk'] as const,
      parameters: { id },
      times: 1,
      counted: 'ok' as const,
      behavior: SKIPS_OFFERS,
      failed: NONE,
    })),
    { on: ['v1_challenge'], times: 1, counted: 'ok', behavior: SKIPS_ENTRIES },
    {
      on: ['v1_answer'],
      times: 1,
      counted: 'ok',
      behavior: 'Skips and counts the entries, and sends the answers again.',
    },
  ],
  false_report: [
    { on: ['v1_challenge'], times: 2, counted: 'ok', behavior: KEEPS_UNTIL_REPEATED },
    {
      on: ['v1_challenge'],
      parameters: { report: 'completed' },
      times: 2,
      counted: 'ok',
      behavior: KEEPS_UNTIL_REPEATED,
    },
    {
      on: ['v1_challenge'],
      forMs: 12_000,
      counted: 'ok',
      behavior: 'Drops the contracts when the reports have repeated for an interval, and requests others.',
      ended: { ended_by_node: 5 },
      failed: NONE,
    },
    {
      on: ['v1_answer'],
      parameters: { report: 'answered' },
      times: 1,
      counted: 'ok',
      behavior: 'Counts the challenges as passed.',
    },
  ],
  unknown_scheme: [{ on: ['v1_new'], counted: 'invalid_response', behavior: RETRIES_REGISTRATION }],
  wrong_prime: [1, 100_000].map((bits) => ({
    on: ['v1_new'] as const,
    parameters: { bits },
    counted: 'invalid_response' as const,
    behavior: RETRIES_REGISTRATION,
    node: SWIZZLE,
  })),
  clock_skew: [
    { on: ['v1_challenge'], parameters: { ms: -3_600_000 }, counted: 'ok', behavior: 'Uses its own clock.' },
  ],
};

type PresetName = (typeof PRESETS)[number]['name'];

/** The outcome of presets over some rounds. */
export const V1_PRESET_CASES: Readonly<Partial<Record<PresetName, PresetCase>>> = {
  flaky: { behavior: 'Loses nothing if rounds are longer than its retries.', failed: NONE },
  offline: {
    whileFarming: true,
    endsContractsAfterwards: true,
    challenges: 5,
    behavior:
      'Keeps trying. The node ends each contract that misses a challenge: the farmer drops them when the node is back, and requests others.',
    failed: { node_error: 5 },
    ended: { ended_by_node: 5 },
  },
  'hostile-v1': {
    behavior: 'Proves what the node sends, rejects unprovable contracts, and reads no response beyond its limit.',
    failed: { missed: 'any', not_challenged: 'any', node_error: 'any' },
    rejected: { invalid_tag: 'any' },
    ended: { ended_by_node: 'any' },
  },
  'lost-answers': { behavior: RETRIES },
};
