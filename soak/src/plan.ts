import type { EffectInput, EffectKind } from '@downstream/control-api';

/** Everything that a soak run is made of, and what its judge allows. */
export const PLAN = {
  intervalMs: 4_000,
  contracts: 20,
  chunkBytes: 64 * 1024,
  /** Nothing but the damage of a chunk happens for so long between two faults. */
  calmMs: { least: 3_000, most: 10_000 },
  /** And for so long after a contract has ended: no sooner a farmer believes it, and asks for another. */
  confirmMs: 4_000,
  /** So long a fault lasts. */
  faultMs: { least: 1_000, most: 4_000 },
  /** How likely a calm begins with a chunk damaged. */
  damage: 0.7,
  /** The last calm: whatever is to be made good is made good in it. */
  endMs: 12_000,
  /** So long, at most, the node makes a contract that it was asked for. */
  generationMs: 250,
  /** How often the node's books are read. */
  pollMs: 100,
} as const;

/** What a challenge is allowed to fail for. A farmer that needs more than this has failed. */
export const ALLOWANCE = {
  /** After a fault is over, so long until the farmer is itself again: pauses between attempts, connections, a start. */
  settleMs: 4_000,
  /** A round may have been disturbed for so long, and could be answered all the same. */
  disturbedMs: 1_000,
  /** A chunk that was damaged so long before the deadline could have been made again. */
  repairMs: 2_500,
  /** A contract whose reply was lost is given back when three listings, a second apart, have named it: in its first round. */
  unknownContractRounds: 1,
} as const;

/** Every effect that a node's fault can have, as it is used here. */
export const NODE_FAULTS: Readonly<Record<EffectKind, EffectInput>> = {
  reset: 'reset',
  empty: 'empty',
  hang: { kind: 'hang', forMs: 3_000 },
  refuse: { kind: 'refuse', forMs: 1_000 },
  status: { kind: 'status', status: 503, retryAfterSeconds: 1 },
  rate_limit: { kind: 'rate_limit', requests: 2, perMs: 1_000 },
  html: 'html',
  redirect: 'redirect',
  truncate: 'truncate',
  malformed_json: 'malformed_json',
  garbage: 'garbage',
  dribble: 'dribble',
  oversize: { kind: 'oversize', bytes: 8 * 1024 * 1024 },
  wrong_content_type: 'wrong_content_type',
  fixed: { kind: 'fixed', ms: 1_500 },
  uniform: { kind: 'uniform', maxMs: 1_500 },
  lognormal: { kind: 'lognormal', medianMs: 300 },
  wrong_hash: 'wrong_hash',
  wrong_challenge: 'wrong_challenge',
  reject_answer: 'reject_answer',
  expire_contract: 'expire_contract',
  no_chunks: 'no_chunks',
  revoke_token: 'revoke_token',
  forget_all: 'forget_all',
  drop_response: 'drop_response',
  shorten_interval: 'shorten_interval',
  duplicate_challenge: 'duplicate_challenge',
  clock_skew: { kind: 'clock_skew', ms: 3_600_000 },
};

/** Effects that would empty the farm again and again: applied so often at most. */
export const TIMES: Partial<Record<EffectKind, number>> = { expire_contract: 2, revoke_token: 1, forget_all: 1 };

/** Under these a right answer may be wrong at the node. All others, delays too, come before or after an answer is judged. */
export const INVALIDATES_ANSWERS: ReadonlySet<string> = new Set([
  'reject_answer',
  'wrong_challenge',
  // A deadline that nobody was told of: the answer may come when the next challenge is open.
  'shorten_interval',
]);

/** An answer just being sent is held up under these, maybe until its deadline is over. */
export const DELAYS_ANSWERS: ReadonlySet<string> = new Set(['farmer frozen']);

/** Contracts made under these stay false for good: the node ends them with the fault. */
export const BREAKS_CONTRACTS: ReadonlySet<string> = new Set(['wrong_hash', 'shorten_interval']);

export const DAMAGES = ['truncated', 'flipped', 'deleted', 'a folder'] as const;
export type Damage = (typeof DAMAGES)[number];
