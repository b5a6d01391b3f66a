import type { EffectInput, EffectKind, FaultInput, RouteName } from '@downstream/control-api';
import type { startMockNode } from '@downstream/mock-node';
import type { FailureReason } from '../../farmer/src/contract/contract.ts';
import type { NodeErrorCode } from '../../farmer/src/farming/errors.ts';
import type { EndReason, RefusalReason } from '../../farmer/src/farming/ports.ts';

/** So many, or at least one. */
export type Count = number | 'some';

/** What our farmer promises to make of a fault. */
export interface Promised {
  /** What it does, in words: the documentation's. */
  readonly does: string;
  /** Challenges that fail, by reason, and no others. Without: no challenge is lost. */
  readonly fails?: Partial<Record<FailureReason, Count>>;
  /** Challenges that may fail as well. */
  readonly mayFail?: readonly FailureReason[];
  /** Contracts lost, and no others; each is replaced. */
  readonly ends?: Partial<Record<EndReason, Count>>;
  /** Contracts refused, and no others. */
  readonly refuses?: Partial<Record<RefusalReason, Count>>;
  readonly node?: Parameters<typeof startMockNode>[0];
}

/** A fault on some routes, on each by itself, and what is promised. */
export interface FaultCase<Kind extends EffectKind = EffectKind> extends Promised {
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
}

/** Asked all the time. */
const FARMING = ['chunk', 'due', 'challenge'] as const;
/** Contracts that name the URL of their chunk, with time for a second download. */
const BY_URL = { contractForm: 'url', intervalMs: 4_000 } as const;
/** Long enough that no round ends while the farmer makes sure of what it is told. */
const UNHURRIED = { intervalMs: 6_000 } as const;
/** One contract that has to be given back. */
const ONE_WRONG: FaultInput = { name: 'one-wrong', times: 1, effect: 'wrong_hash' };

const AGAIN = 'Asks again after a pause; an answer sent again hears its first verdict.';
const REGISTERS_AGAIN = 'Registers again after a pause.';
const DOWNLOADS_AGAIN = 'Keeps nothing of it, and downloads again after a pause.';
const STRANGER =
  'Asks for another after a pause, and gives the contract that it never heard of back when three listings name it.';
const GIVEN_BACK_LATER = 'Goes on, and gives the refused contract back when three listings name it.';
const ALL_LOST = { token_lost: 5 } as const;

/**
 * The farmer × fault matrix: every kind of fault, and what our farmer makes of it. test/faults.test.ts holds it to that,
 * and docs/faults.md is made from it.
 */
export const FAULT_CASES: { readonly [Kind in EffectKind]: readonly FaultCase<Kind>[] } = {
  reset: [
    { on: FARMING, counted: 'unreachable', does: AGAIN },
    { on: ['connectivity', 'new'], counted: 'unreachable', does: REGISTERS_AGAIN },
    { on: ['download'], counted: 'unreachable', does: DOWNLOADS_AGAIN, node: BY_URL },
    {
      on: ['remove'],
      counted: 'unreachable',
      does: GIVEN_BACK_LATER,
      beside: ONE_WRONG,
      refuses: { hash_mismatch: 1 },
    },
  ],
  empty: [{ on: FARMING, counted: 'unreachable', does: AGAIN }],
  hang: [],
  refuse: [],
  status: [],
  rate_limit: [],
  html: [],
  redirect: [],
  truncate: [],
  malformed_json: [],
  garbage: [],
  dribble: [],
  oversize: [],
  wrong_content_type: [],
  fixed: [],
  uniform: [],
  lognormal: [],
  wrong_hash: [],
  wrong_challenge: [],
  reject_answer: [
    {
      on: ['challenge'],
      counted: 'ok',
      times: 3,
      does: 'Takes the verdict as it is: the challenge is lost, and counted so.',
      fails: { wrong_answer: 3 },
    },
  ],
  expire_contract: [],
  no_chunks: [],
  token_revoked: [
    {
      on: FARMING,
      counted: 'no_token',
      times: 1,
      does: 'Believes it the third time in a row: gives all contracts up, registers anew and fills up again.',
      ends: ALL_LOST,
      node: UNHURRIED,
    },
  ],
  amnesia: [],
  accept_but_drop_reply: [
    { on: ['due', 'challenge'], counted: 'unreachable', does: AGAIN },
    { on: ['chunk'], counted: 'unreachable', does: STRANGER },
  ],
  deadline_shrink: [],
  duplicate_challenge: [],
  clock_skew: [],
};
