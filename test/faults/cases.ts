import type { EffectInput, EffectKind, FaultInput, V1EffectKind } from '@downstream/control-api';
import type { startMockNode } from '@downstream/mock-node';
import type { RouteName } from '@downstream/protocol';
import type { FailureReason } from '../../farmer/src/contract/contract.ts';
import type { ChunkErrorKind, NodeErrorCode } from '../../farmer/src/farming/errors.ts';
import type { EndReason, RejectionReason } from '../../farmer/src/farming/ports.ts';
import type { PRESETS } from '../../mock-node/src/faults/presets.ts';

/** An exact count, at least one, or any number. */
export type Count = number | 'some' | 'any';

/** The expected outcome of a trial. Without counts, the farmer loses nothing. */
export interface ExpectedOutcome {
  /** The behavior in words for docs/faults.md. */
  readonly behavior: string;
  /** All failed challenges by reason. */
  readonly failed?: Partial<Record<FailureReason, Count>>;
  /** The minimum of failed challenges, for any of these reasons. */
  readonly minFailures?: number;
  /** All ended contracts by reason. The farmer replaces each. */
  readonly ended?: Partial<Record<EndReason, Count>>;
  /** Whether the farmer learns only after the fault that contracts have ended. */
  readonly endsContractsAfterwards?: true;
  /** All rejected contracts by reason. */
  readonly rejected?: Partial<Record<RejectionReason, Count>>;
  /** All chunk errors by kind. The farmer generates or downloads each chunk again. */
  readonly chunkErrors?: Partial<Record<ChunkErrorKind, Count>>;
  /** Options of the node that differ from those of the other trials. */
  readonly node?: Parameters<typeof startMockNode>[0];
}

/** An effect that is tried on each of several routes. */
export interface FaultCase<Kind extends EffectKind = EffectKind> extends ExpectedOutcome {
  readonly on: readonly RouteName[];
  /** The parameters that differ from the defaults. */
  readonly parameters?: Omit<Extract<EffectInput, { kind: Kind }>, 'kind'>;
  /** The outcome of affected requests in the farmer's metrics. */
  readonly counted: 'ok' | NodeErrorCode;
  /** The number of affected requests. Default: as many as the route tolerates without loss. */
  readonly times?: number;
  /** Instead of `times`: how long all requests are affected. */
  readonly forMs?: number;
  /** A fault without which the farmer would not use the route. */
  readonly additionalFault?: FaultInput;
  /** How much of a response may be sent before the farmer disconnects, including socket buffers. */
  readonly maxBytesRead?: number;
}

/** The outcome of a preset over some rounds. */
export interface PresetCase extends ExpectedOutcome {
  /** Whether the preset starts when the farmer runs at its capacity, instead of before the farmer. */
  readonly whileFarming?: true;
  /** The number of settled challenges after which the preset is removed. */
  readonly challenges?: number;
}

const MIB = 1024 * 1024;
/** The routes that a farmer uses continuously. */
const FARMING_ROUTES = ['chunk', 'due', 'challenge'] as const;
/** Rounds for trials in which a lot must happen within one, also on a busy machine with a slow disk. */
const LONG_ROUNDS = { intervalMs: 10_000 } as const;
/** Contracts with the URL of their chunk. */
const BY_URL = { contractForm: 'url', ...LONG_ROUNDS } as const;
/** Makes the farmer release one contract. */
const ONE_WRONG: FaultInput = { name: 'one-wrong', times: 1, effect: 'wrong_hash' };
const ONE_REJECTED = { hash_mismatch: 1 } as const;
const ONE_BROKEN = { download_failed: 1 } as const;
const ALL_LOST = { token_lost: 5 } as const;

const RETRIES = 'Retries after a pause. A repeated answer gets its first verdict.';
const RETRIES_AFTER = 'Retries after `Retry-After`, but not later than the next deadline.';
const RETRIES_REGISTRATION = 'Retries the registration after a pause.';
const RETRIES_DOWNLOAD = 'Discards the bytes and retries the download after a pause.';
const REJECTS_AFTER_RETRIES = `${RETRIES_DOWNLOAD} Rejects and releases the contract after three consecutive failures.`;
const REJECTS = 'Rejects and releases the contract, deletes its chunk, and requests another after a pause.';
const RELEASES_UNKNOWN =
  'Requests another contract after a pause. Releases the unknown contract after three listings contain it.';
const RELEASES_LATER = 'Continues. Releases the rejected contract again if three listings still contain it.';
const ACCEPTS = 'Accepts the contract.';
const WAITS = 'Waits up to a minute for a contract, and up to 15 seconds or a third of the slack for other responses.';
const STARTS_OVER =
  'Drops all contracts after three consecutive responses, registers again and requests new contracts.';

/**
 * The farmer × fault matrix: every kind of effect of the prototype API and the outcome for the farmer.
 * test/fault-matrix.system.test.ts tests the cases, and docs/faults.md is generated from them.
 */
export const FAULT_CASES: { readonly [Kind in Exclude<EffectKind, V1EffectKind>]: readonly FaultCase<Kind>[] } = {
  reset: [
    { on: FARMING_ROUTES, counted: 'unreachable', behavior: RETRIES },
    { on: ['connectivity', 'new'], counted: 'unreachable', behavior: RETRIES_REGISTRATION },
    {
      on: ['download'],
      counted: 'unreachable',
      behavior: 'Repeats the download at once on a new connection, or after a pause if the failed one was new.',
      chunkErrors: { download_failed: 'any' },
      node: BY_URL,
    },
    {
      on: ['remove'],
      counted: 'unreachable',
      behavior: RELEASES_LATER,
      additionalFault: ONE_WRONG,
      rejected: ONE_REJECTED,
    },
  ],
  empty: [{ on: FARMING_ROUTES, counted: 'unreachable', behavior: RETRIES }],
  hang: [
    {
      on: ['due'],
      times: 1,
      counted: 'timeout',
      behavior: 'Times out after a third of a round, at most 15 seconds, and retries.',
    },
    {
      on: ['challenge'],
      times: 1,
      counted: 'timeout',
      behavior: 'Times out after a third of the slack and sends the answer again. Other answers are not delayed.',
    },
    { on: FARMING_ROUTES, parameters: { forMs: 500 }, times: 1, counted: 'unreachable', behavior: RETRIES },
    {
      on: ['due'],
      parameters: { forMs: 11_000 },
      times: 1,
      counted: 'timeout',
      behavior: 'Times out after a third of a round, at most 15 seconds, and retries.',
    },
  ],
  refuse: [
    { on: FARMING_ROUTES, parameters: { forMs: 500 }, times: 1, counted: 'unreachable', behavior: RETRIES },
    {
      on: ['due'],
      parameters: { forMs: 11_000 },
      times: 1,
      counted: 'unreachable',
      behavior: 'Keeps trying, and fails the challenges that are due during the outage.',
      failed: { node_error: 'some', missed: 'any', not_challenged: 'any' },
    },
  ],
  status: [
    {
      on: FARMING_ROUTES,
      parameters: { status: 503, retryAfterSeconds: 1 },
      counted: 'rejected',
      behavior: RETRIES_AFTER,
    },
    { on: ['connectivity'], parameters: { status: 500 }, counted: 'http_error', behavior: RETRIES_REGISTRATION },
    { on: ['new'], parameters: { status: 500 }, counted: 'rejected', behavior: RETRIES_REGISTRATION },
    {
      on: ['download'],
      parameters: { status: 404 },
      counted: 'http_error',
      behavior: RETRIES_DOWNLOAD,
      chunkErrors: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  rate_limit: [
    { on: ['due', 'challenge'], parameters: { requests: 1, perMs: 500 }, counted: 'rejected', behavior: RETRIES_AFTER },
    { on: ['chunk'], parameters: { requests: 0 }, counted: 'rejected', behavior: RETRIES_AFTER },
  ],
  html: [
    { on: FARMING_ROUTES, counted: 'http_error', behavior: RETRIES },
    { on: ['due'], parameters: { status: 200 }, counted: 'invalid_response', behavior: RETRIES },
    { on: ['download'], counted: 'http_error', behavior: RETRIES_DOWNLOAD, chunkErrors: ONE_BROKEN, node: BY_URL },
    {
      on: ['download'],
      parameters: { status: 200 },
      counted: 'ok',
      behavior: REJECTS_AFTER_RETRIES,
      chunkErrors: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  redirect: [
    { on: FARMING_ROUTES, counted: 'rejected', behavior: `Does not follow redirects. ${RETRIES}` },
    {
      on: ['download'],
      counted: 'http_error',
      behavior: `Does not follow redirects. ${RETRIES_DOWNLOAD}`,
      chunkErrors: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  truncate: [
    { on: ['due', 'challenge'], counted: 'invalid_response', behavior: RETRIES },
    { on: ['chunk'], counted: 'invalid_response', behavior: RELEASES_UNKNOWN },
    {
      on: ['download'],
      parameters: { afterBytes: 8_000 },
      counted: 'ok',
      behavior: RETRIES_DOWNLOAD,
      chunkErrors: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  malformed_json: [
    { on: ['due', 'challenge'], counted: 'invalid_response', behavior: RETRIES },
    { on: ['chunk'], counted: 'invalid_response', behavior: RELEASES_UNKNOWN },
  ],
  garbage: [
    { on: ['due', 'challenge'], counted: 'invalid_response', behavior: RETRIES },
    { on: ['chunk'], counted: 'invalid_response', behavior: RELEASES_UNKNOWN },
    { on: ['due', 'challenge'], parameters: { replaces: 'response' }, counted: 'invalid_response', behavior: RETRIES },
    { on: ['download'], counted: 'ok', behavior: REJECTS_AFTER_RETRIES, chunkErrors: ONE_BROKEN, node: BY_URL },
  ],
  dribble: [
    { on: FARMING_ROUTES, parameters: { overMs: 500 }, counted: 'ok', behavior: WAITS },
    { on: ['download'], counted: 'ok', behavior: 'Waits up to ten minutes.', node: BY_URL },
    {
      on: ['due'],
      parameters: { overMs: 11_000 },
      times: 1,
      counted: 'timeout',
      behavior: 'Times out after a third of a round, at most 15 seconds, and retries.',
    },
  ],
  oversize: [
    {
      on: ['due'],
      parameters: { bytes: MIB },
      counted: 'ok',
      behavior: 'Reads a listing of up to 4 MiB, or more with thousands of contracts.',
    },
    {
      on: ['due'],
      parameters: { bytes: 1024 * MIB },
      times: 1,
      counted: 'invalid_response',
      behavior: 'Disconnects after 4 MiB of a listing, or more with thousands of contracts, and retries after a pause.',
      node: LONG_ROUNDS,
      maxBytesRead: 20 * MIB,
    },
    {
      on: ['challenge'],
      times: 1,
      counted: 'invalid_response',
      behavior: `Disconnects after 64 KiB. ${RETRIES}`,
      maxBytesRead: 16 * MIB,
    },
    {
      on: ['chunk'],
      times: 1,
      counted: 'invalid_response',
      behavior: `Disconnects after 64 KiB. ${RELEASES_UNKNOWN}`,
      maxBytesRead: 16 * MIB,
    },
    {
      on: ['download'],
      counted: 'ok',
      behavior: `Disconnects at the size of a chunk. ${REJECTS_AFTER_RETRIES}`,
      chunkErrors: ONE_BROKEN,
      node: BY_URL,
      maxBytesRead: 16 * MIB,
    },
  ],
  amplify: [
    {
      on: ['due'],
      times: 1,
      counted: 'invalid_response',
      behavior: `Stops at the limits of entries and depth. ${RETRIES}`,
    },
    {
      on: ['due'],
      parameters: { shape: 'nesting', bytes: 16 * MIB },
      times: 1,
      counted: 'invalid_response',
      behavior: `Stops at the limits of entries and depth. ${RETRIES}`,
      maxBytesRead: 8 * MIB,
    },
    {
      on: ['due'],
      parameters: { shape: 'text' },
      times: 1,
      counted: 'ok',
      behavior: 'Skips the entries, and ends no contract that may be among them.',
    },
    {
      on: ['challenge'],
      parameters: { bytes: 16 * MIB },
      times: 1,
      counted: 'invalid_response',
      behavior: `Disconnects after 64 KiB. ${RETRIES}`,
      maxBytesRead: 8 * MIB,
    },
  ],
  wrong_content_type: [{ on: FARMING_ROUTES, counted: 'ok', behavior: 'Ignores the content type.' }],
  fixed: [
    { on: FARMING_ROUTES, parameters: { ms: 500 }, counted: 'ok', behavior: WAITS },
    {
      on: ['due'],
      parameters: { ms: 11_000 },
      times: 1,
      counted: 'timeout',
      behavior: 'Times out after a third of a round, at most 15 seconds, and retries.',
    },
    {
      on: ['challenge'],
      parameters: { ms: 6_000 },
      times: 2,
      counted: 'timeout',
      behavior: 'Times out after a third of the slack and sends the answer again, which gets its first verdict.',
    },
  ],
  uniform: [{ on: ['due', 'challenge'], parameters: { minMs: 100, maxMs: 400 }, counted: 'ok', behavior: WAITS }],
  lognormal: [{ on: ['due', 'challenge'], parameters: { medianMs: 150, maxMs: 500 }, counted: 'ok', behavior: WAITS }],
  wrong_hash: [{ on: ['chunk'], counted: 'ok', behavior: REJECTS, rejected: { hash_mismatch: 2 } }],
  wrong_challenge: [
    {
      on: ['chunk'],
      counted: 'ok',
      behavior: 'Proves the wrong challenge, or reads the correct one from a listing first. The first challenge fails.',
      failed: { wrong_answer: 'any', missed: 'any', not_challenged: 'any', node_error: 'any' },
      minFailures: 1,
    },
    {
      on: ['due'],
      forMs: 6_000,
      counted: 'ok',
      behavior: 'Proves the wrong challenges, which fail.',
      failed: { wrong_answer: 'some', missed: 'any', not_challenged: 'any', node_error: 'any' },
    },
  ],
  reject_answer: [
    {
      on: ['challenge'],
      times: 3,
      counted: 'ok',
      behavior: 'Counts the challenge as failed.',
      failed: { wrong_answer: 3 },
    },
  ],
  expire_contract: [
    {
      on: ['due'],
      times: 1,
      counted: 'ok',
      behavior: 'Deletes the chunk of a contract that is no longer listed, and requests another contract.',
      ended: { ended_by_node: 1 },
    },
    {
      on: ['challenge'],
      times: 1,
      counted: 'no_hash',
      behavior: 'Waits for the next listing, deletes the chunk, and requests another contract.',
      ended: { ended_by_node: 1 },
    },
    {
      on: ['download'],
      counted: 'http_error',
      behavior: 'Waits for the next listing, drops the contract, and requests another.',
      ended: { ended_by_node: 1 },
      chunkErrors: { download_failed: 'any' },
      node: BY_URL,
    },
    {
      on: ['remove'],
      counted: 'no_hash',
      behavior: 'Continues: the contract no longer exists.',
      additionalFault: ONE_WRONG,
      rejected: ONE_REJECTED,
    },
  ],
  no_chunks: [{ on: ['chunk'], counted: 'ok', behavior: 'Retries after growing pauses.' }],
  revoke_token: [
    { on: ['due'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: ALL_LOST },
    { on: ['challenge'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: ALL_LOST },
    { on: ['chunk'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: { token_lost: 4 } },
    {
      on: ['remove'],
      counted: 'no_token',
      behavior: STARTS_OVER,
      additionalFault: ONE_WRONG,
      rejected: ONE_REJECTED,
      ended: { token_lost: 4 },
    },
  ],
  forget_all: [
    { on: ['due'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: ALL_LOST },
    { on: ['challenge'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: ALL_LOST },
    { on: ['chunk'], times: 1, counted: 'no_token', behavior: STARTS_OVER, ended: { token_lost: 4 } },
  ],
  drop_response: [
    { on: ['due', 'challenge'], counted: 'unreachable', behavior: RETRIES },
    { on: ['chunk'], counted: 'unreachable', behavior: RELEASES_UNKNOWN },
    { on: ['new'], counted: 'unreachable', behavior: RETRIES_REGISTRATION },
    {
      on: ['remove'],
      counted: 'unreachable',
      behavior: RELEASES_LATER,
      additionalFault: ONE_WRONG,
      rejected: ONE_REJECTED,
    },
  ],
  shorten_interval: [
    {
      on: ['chunk'],
      times: 5,
      counted: 'ok',
      behavior: 'Answers the challenges that the node lists, whatever interval the contract states.',
    },
    {
      on: ['chunk'],
      parameters: { announced: true },
      times: 5,
      counted: 'ok',
      behavior: ACCEPTS,
    },
    {
      on: ['chunk'],
      parameters: { announced: true, factor: 0.15 },
      counted: 'invalid_response',
      behavior: `Rejects contracts with intervals below one second. ${RELEASES_UNKNOWN}`,
      // None. The node may count one of the contract that it considers accepted.
      failed: {},
    },
  ],
  duplicate_challenge: [
    { on: ['due'], forMs: 6_000, counted: 'ok', behavior: 'Answers and counts each challenge once.' },
  ],
  extra_entries: [
    {
      on: ['due'],
      parameters: { count: 50 },
      times: 10,
      counted: 'ok',
      behavior: 'Skips and counts the invalid entries, and uses the others.',
    },
    {
      on: ['due'],
      parameters: { entries: 'unknown', count: 50_000 },
      times: 2,
      counted: 'ok',
      behavior: 'Keeps 1,000 unknown contracts at most, and uses the others.',
    },
  ],
  clock_skew: [{ on: ['due'], parameters: { ms: -3_600_000 }, counted: 'ok', behavior: 'Uses its own clock.' }],
};

type PresetName = Exclude<(typeof PRESETS)[number]['name'], 'hostile-v1'>;

/** The outcome of the presets over some rounds. */
export const PRESET_CASES: Readonly<Record<PresetName, PresetCase>> = {
  flaky: { behavior: 'Loses nothing if rounds are longer than its retries.' },
  slow: {
    behavior: 'Fails only challenges whose responses arrive after their round.',
    failed: { node_error: 'any', missed: 'any', not_challenged: 'any', late: 'any', wrong_answer: 'any' },
  },
  offline: {
    whileFarming: true,
    behavior: 'Keeps trying, fails the challenges of the outage, and continues with the same chunks afterwards.',
    failed: { node_error: 'some', missed: 'any', not_challenged: 'any' },
    node: { maxFailures: 1_000 },
  },
  forgetful: {
    behavior: 'Replaces forgotten contracts, and registers again if the node forgets the farmer.',
    failed: { missed: 'any', not_challenged: 'any' },
    ended: { ended_by_node: 'some', token_lost: 'any' },
  },
  'tight-deadlines': {
    behavior: 'Passes if a quarter of the interval is at least one second. Rejects contracts with shorter intervals.',
    node: { intervalMs: 20_000 },
  },
  hostile: {
    behavior: 'Proves what the node sends, rejects unprovable contracts, and reads no response beyond its limit.',
    failed: { wrong_answer: 'any', missed: 'any', not_challenged: 'any', node_error: 'any' },
    rejected: { hash_mismatch: 'any' },
  },
  'lost-answers': { behavior: RETRIES },
};
