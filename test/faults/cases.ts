import type { EffectInput, EffectKind, FaultInput } from '@downstream/control-api';
import type { startMockNode } from '@downstream/mock-node';
import type { RouteName } from '@downstream/protocol';
import type { FailureReason } from '../../farmer/src/contract/contract.ts';
import type { ChunkErrorKind, NodeErrorCode } from '../../farmer/src/farming/errors.ts';
import type { EndReason, RejectionReason } from '../../farmer/src/farming/ports.ts';
import type { PRESETS } from '../../mock-node/src/faults/presets.ts';

/** So many; at least one; or as many as it happens, none among them. */
export type Count = number | 'some' | 'any';

/** What our farmer promises to make of a bad time. Without counts it loses nothing. */
export interface ExpectedOutcome {
  /** What it does, in words: the documentation's. */
  readonly does: string;
  /** Challenges that fail, by reason, and no others. */
  readonly fails?: Partial<Record<FailureReason, Count>>;
  /** So many challenges fail at least, for whichever of these reasons. */
  readonly minFailures?: number;
  /** Contracts lost, and no others; each is replaced. */
  readonly ends?: Partial<Record<EndReason, Count>>;
  /** Contracts refused, and no others. */
  readonly refuses?: Partial<Record<RejectionReason, Count>>;
  /** Chunks not made, and no others; each is made again. */
  readonly spoils?: Partial<Record<ChunkErrorKind, Count>>;
  /** The node, where it is another than one of a challenge every five seconds. */
  readonly node?: Parameters<typeof startMockNode>[0];
}

/** An effect on some routes, on each by itself, and what is promised. */
export interface FaultCase<Kind extends EffectKind = EffectKind> extends ExpectedOutcome {
  readonly on: readonly RouteName[];
  /** Without those that keep their default. */
  readonly parameters?: Omit<Extract<EffectInput, { kind: Kind }>, 'kind'>;
  /** How the requests that it is applied to are counted in the farmer's metrics. */
  readonly counted: 'ok' | NodeErrorCode;
  /** How often it is applied; as often as the route bears without loss, if not given. */
  readonly times?: number;
  /** In place of `times`: applied to all requests for so long. */
  readonly forMs?: number;
  /** What else has to be wrong for the farmer to come across it. */
  readonly beside?: FaultInput;
  /** Of such a reply, no more goes over the wire until the farmer cuts it off; socket buffers count. */
  readonly maxBytesRead?: number;
}

const MIB = 1024 * 1024;
/** What a farmer asks all the time. */
const FARMING = ['chunk', 'due', 'challenge'] as const;
/** Contracts that name the URL of their chunk. */
const BY_URL = { contractForm: 'url' } as const;
/** One contract that has to be given back. */
const ONE_WRONG: FaultInput = { name: 'one-wrong', times: 1, effect: 'wrong_hash' };
const ONE_REFUSED = { hash_mismatch: 1 } as const;
const ONE_BROKEN = { download_failed: 1 } as const;
const ALL_LOST = { token_lost: 5 } as const;

const AGAIN = 'Asks again after a pause; an answer sent again hears its first verdict.';
const AS_IT_WANTS = 'Asks again when `Retry-After` says so, but never past the next deadline.';
const REGISTERS_AGAIN = 'Registers again after a pause.';
const DOWNLOADS_AGAIN = 'Keeps nothing of it, and downloads again after a pause.';
const REFUSES_LATER = `${DOWNLOADS_AGAIN} Refuses the contract, and gives it back, after three in a row.`;
const REFUSES = 'Refuses the contract, keeps nothing of it on disk, gives it back, and asks for another after a pause.';
const STRANGER =
  'Asks for another after a pause. The contract that it never heard of is given back when three listings have named it.';
const GIVEN_BACK_LATER =
  'Goes on. The refused contract is given back again when three listings have named it, if it is still there.';
const TAKES_IT = 'Takes it as it is.';
const WAITS = 'Waits: a minute for a contract, for other replies 15 seconds, or a third of the time that is left.';
const BELIEVES = 'Believes it the third time in a row: gives all contracts up, registers anew and fills up again.';

/**
 * The farmer × fault matrix: every kind of effect, and what our farmer makes of it. test/fault-matrix.system.test.ts holds it to that,
 * and docs/faults.md is made from it.
 */
export const FAULT_CASES: { readonly [Kind in EffectKind]: readonly FaultCase<Kind>[] } = {
  reset: [
    { on: FARMING, counted: 'unreachable', does: AGAIN },
    { on: ['connectivity', 'new'], counted: 'unreachable', does: REGISTERS_AGAIN },
    { on: ['download'], counted: 'unreachable', does: DOWNLOADS_AGAIN, spoils: ONE_BROKEN, node: BY_URL },
    { on: ['remove'], counted: 'unreachable', does: GIVEN_BACK_LATER, beside: ONE_WRONG, refuses: ONE_REFUSED },
  ],
  empty: [{ on: FARMING, counted: 'unreachable', does: AGAIN }],
  hang: [
    {
      on: ['due'],
      times: 1,
      counted: 'timeout',
      does: 'Gives up after a third of a round, 15 seconds at most, and asks again.',
    },
    {
      on: ['challenge'],
      times: 1,
      counted: 'timeout',
      does: 'Gives up when a third of the time left is over, and sends the answer again; other answers go on meanwhile.',
    },
    { on: FARMING, parameters: { forMs: 500 }, times: 1, counted: 'unreachable', does: AGAIN },
    {
      on: ['due'],
      parameters: { forMs: 11_000 },
      times: 1,
      counted: 'timeout',
      does: 'Gives up after a third of a round, 15 seconds at most, and asks again.',
    },
  ],
  refuse: [
    { on: FARMING, parameters: { forMs: 500 }, times: 1, counted: 'unreachable', does: AGAIN },
    {
      on: ['due'],
      parameters: { forMs: 11_000 },
      times: 1,
      counted: 'unreachable',
      does: 'Keeps trying, and loses the rounds that end before anybody can connect.',
      fails: { node_error: 'some', missed: 'any', not_challenged: 'any' },
    },
  ],
  status: [
    {
      on: FARMING,
      parameters: { status: 503, retryAfterSeconds: 1 },
      counted: 'rejected',
      does: AS_IT_WANTS,
    },
    { on: ['connectivity'], parameters: { status: 500 }, counted: 'http_error', does: REGISTERS_AGAIN },
    { on: ['new'], parameters: { status: 500 }, counted: 'rejected', does: REGISTERS_AGAIN },
    {
      on: ['download'],
      parameters: { status: 404 },
      counted: 'http_error',
      does: DOWNLOADS_AGAIN,
      spoils: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  rate_limit: [
    { on: ['due', 'challenge'], parameters: { requests: 1, perMs: 500 }, counted: 'rejected', does: AS_IT_WANTS },
    { on: ['chunk'], parameters: { requests: 0 }, counted: 'rejected', does: AS_IT_WANTS },
  ],
  html: [
    { on: FARMING, counted: 'http_error', does: AGAIN },
    { on: ['due'], parameters: { status: 200 }, counted: 'invalid_response', does: AGAIN },
    { on: ['download'], counted: 'http_error', does: DOWNLOADS_AGAIN, spoils: ONE_BROKEN, node: BY_URL },
    {
      on: ['download'],
      parameters: { status: 200 },
      counted: 'ok',
      does: REFUSES_LATER,
      spoils: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  redirect: [
    { on: FARMING, counted: 'rejected', does: `Never follows it. ${AGAIN}` },
    {
      on: ['download'],
      counted: 'http_error',
      does: `Never follows it. ${DOWNLOADS_AGAIN}`,
      spoils: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  truncate: [
    { on: ['due', 'challenge'], counted: 'invalid_response', does: AGAIN },
    { on: ['chunk'], counted: 'invalid_response', does: STRANGER },
    {
      on: ['download'],
      parameters: { afterBytes: 8_000 },
      counted: 'ok',
      does: DOWNLOADS_AGAIN,
      spoils: ONE_BROKEN,
      node: BY_URL,
    },
  ],
  malformed_json: [
    { on: ['due', 'challenge'], counted: 'invalid_response', does: AGAIN },
    { on: ['chunk'], counted: 'invalid_response', does: STRANGER },
  ],
  garbage: [
    { on: ['due', 'challenge'], counted: 'invalid_response', does: AGAIN },
    { on: ['chunk'], counted: 'invalid_response', does: STRANGER },
    { on: ['due', 'challenge'], parameters: { replaces: 'response' }, counted: 'invalid_response', does: AGAIN },
    { on: ['download'], counted: 'ok', does: REFUSES_LATER, spoils: ONE_BROKEN, node: BY_URL },
  ],
  dribble: [
    { on: FARMING, parameters: { overMs: 500 }, counted: 'ok', does: WAITS },
    { on: ['download'], counted: 'ok', does: 'Waits, ten minutes at most.', node: BY_URL },
    {
      on: ['due'],
      parameters: { overMs: 11_000 },
      times: 1,
      counted: 'timeout',
      does: 'Gives up after a third of a round, 15 seconds at most, and asks again.',
    },
  ],
  oversize: [
    { on: ['due'], parameters: { bytes: MIB }, counted: 'ok', does: 'Takes a listing of up to 32 MiB.' },
    {
      on: ['due'],
      parameters: { bytes: 1024 * MIB },
      times: 1,
      counted: 'invalid_response',
      does: 'Cuts a listing off at 32 MiB, and asks again after a pause.',
      maxBytesRead: 48 * MIB,
    },
    {
      on: ['challenge'],
      times: 1,
      counted: 'invalid_response',
      does: `Cuts it off at 64 KiB. ${AGAIN}`,
      maxBytesRead: 16 * MIB,
    },
    {
      on: ['chunk'],
      times: 1,
      counted: 'invalid_response',
      does: `Cuts it off at 64 KiB. ${STRANGER}`,
      maxBytesRead: 16 * MIB,
    },
    {
      on: ['download'],
      counted: 'ok',
      does: `Cuts the download off at the size of a chunk. ${REFUSES_LATER}`,
      spoils: ONE_BROKEN,
      node: BY_URL,
      maxBytesRead: 16 * MIB,
    },
  ],
  wrong_content_type: [{ on: FARMING, counted: 'ok', does: 'Reads the reply as what was asked for.' }],
  fixed: [
    { on: FARMING, parameters: { ms: 500 }, counted: 'ok', does: WAITS },
    {
      on: ['due'],
      parameters: { ms: 11_000 },
      times: 1,
      counted: 'timeout',
      does: 'Gives up after a third of a round, 15 seconds at most, and asks again.',
    },
    {
      on: ['challenge'],
      parameters: { ms: 6_000 },
      times: 2,
      counted: 'timeout',
      does: 'Gives up when a third of the time left is over, and sends the answer again: it hears its first verdict.',
    },
  ],
  uniform: [{ on: ['due', 'challenge'], parameters: { minMs: 100, maxMs: 400 }, counted: 'ok', does: WAITS }],
  lognormal: [{ on: ['due', 'challenge'], parameters: { medianMs: 150, maxMs: 500 }, counted: 'ok', does: WAITS }],
  wrong_hash: [{ on: ['chunk'], counted: 'ok', does: REFUSES, refuses: { hash_mismatch: 2 } }],
  wrong_challenge: [
    {
      on: ['chunk'],
      counted: 'ok',
      does: 'Proves what it was told, or hears before that what is really asked: the first challenge is lost, and counted so.',
      fails: { wrong_answer: 'any', missed: 'any', not_challenged: 'any', node_error: 'any' },
      minFailures: 1,
    },
    {
      on: ['due'],
      forMs: 6_000,
      counted: 'ok',
      does: 'Proves what it was told: the challenges are lost, and counted so.',
      fails: { wrong_answer: 'some', missed: 'any', not_challenged: 'any', node_error: 'any' },
    },
  ],
  reject_answer: [
    {
      on: ['challenge'],
      times: 3,
      counted: 'ok',
      does: 'Takes the verdict: the challenge is lost, and counted so.',
      fails: { wrong_answer: 3 },
    },
  ],
  expire_contract: [
    {
      on: ['due'],
      times: 1,
      counted: 'ok',
      does: 'Deletes the chunk of a contract that is listed no more, and takes another.',
      ends: { ended_by_node: 1 },
    },
    {
      on: ['challenge'],
      times: 1,
      counted: 'no_hash',
      does: 'Leaves it to the next listing: deletes the chunk, and takes another contract.',
      ends: { ended_by_node: 1 },
    },
    {
      on: ['download'],
      counted: 'http_error',
      does: 'Leaves it to the next listing: gives the contract up, and takes another.',
      ends: { ended_by_node: 1 },
      spoils: { download_failed: 'any' },
      node: BY_URL,
    },
    {
      on: ['remove'],
      counted: 'no_hash',
      does: 'Goes on: there is nothing left to give back.',
      beside: ONE_WRONG,
      refuses: ONE_REFUSED,
    },
  ],
  no_chunks: [{ on: ['chunk'], counted: 'ok', does: 'Asks again after a pause that grows.' }],
  revoke_token: [
    { on: ['due'], times: 1, counted: 'no_token', does: BELIEVES, ends: ALL_LOST },
    { on: ['challenge'], times: 1, counted: 'no_token', does: BELIEVES, ends: ALL_LOST },
    { on: ['chunk'], times: 1, counted: 'no_token', does: BELIEVES, ends: { token_lost: 4 } },
    {
      on: ['remove'],
      counted: 'no_token',
      does: BELIEVES,
      beside: ONE_WRONG,
      refuses: ONE_REFUSED,
      ends: { token_lost: 4 },
    },
  ],
  forget_all: [
    { on: ['due'], times: 1, counted: 'no_token', does: BELIEVES, ends: ALL_LOST },
    { on: ['challenge'], times: 1, counted: 'no_token', does: BELIEVES, ends: ALL_LOST },
    { on: ['chunk'], times: 1, counted: 'no_token', does: BELIEVES, ends: { token_lost: 4 } },
  ],
  drop_response: [
    { on: ['due', 'challenge'], counted: 'unreachable', does: AGAIN },
    { on: ['chunk'], counted: 'unreachable', does: STRANGER },
    { on: ['new'], counted: 'unreachable', does: REGISTERS_AGAIN },
    { on: ['remove'], counted: 'unreachable', does: GIVEN_BACK_LATER, beside: ONE_WRONG, refuses: ONE_REFUSED },
  ],
  shorten_interval: [
    {
      on: ['chunk'],
      times: 5,
      counted: 'ok',
      does: 'Goes by the challenges that the node lists, not by what it was told.',
    },
    {
      on: ['chunk'],
      parameters: { announced: true },
      times: 5,
      counted: 'ok',
      does: TAKES_IT,
    },
    {
      on: ['chunk'],
      parameters: { announced: true, factor: 0.15 },
      counted: 'invalid_response',
      does: `Takes no contract of less than a second. ${STRANGER}`,
      // None; but the node may count one of the contract that it thinks was taken.
      fails: {},
    },
  ],
  duplicate_challenge: [
    { on: ['due'], forMs: 6_000, counted: 'ok', does: 'Answers each challenge once, and counts it once.' },
  ],
  clock_skew: [{ on: ['due'], parameters: { ms: -3_600_000 }, counted: 'ok', does: 'Goes by its own clock.' }],
};

type PresetName = (typeof PRESETS)[number]['name'];

/** What our farmer makes of the built-in scenarios, over some rounds. */
export const PRESET_CASES: Readonly<Record<PresetName, ExpectedOutcome & { readonly amid?: true }>> = {
  flaky: { does: 'Loses nothing where rounds are longer than its second attempts take.' },
  slow: {
    does: 'Loses only what comes later than a round is long.',
    fails: { node_error: 'any', missed: 'any', not_challenged: 'any', late: 'any', wrong_answer: 'any' },
  },
  offline: {
    amid: true,
    does: 'Keeps trying, loses every round, and goes on with the same chunks when the node is back.',
    fails: { node_error: 'some', missed: 'any', not_challenged: 'any' },
    node: { maxFailures: 1_000 },
  },
  forgetful: {
    does: 'Replaces what the node forgets, and registers anew when it is forgotten itself.',
    fails: { missed: 'any', not_challenged: 'any' },
    ends: { ended_by_node: 'some', token_lost: 'any' },
  },
  'tight-deadlines': {
    does: 'Passes, where a quarter of the interval is a second or more: it takes no contract of less.',
    node: { intervalMs: 8_000 },
  },
  hostile: {
    does: 'Proves and counts what it is told, refuses what it can not prove, and reads nothing beyond its bounds.',
    fails: { wrong_answer: 'any', missed: 'any', not_challenged: 'any', node_error: 'any' },
    refuses: { hash_mismatch: 'any' },
  },
};
