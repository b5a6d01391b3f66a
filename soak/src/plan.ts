import type { EffectInput, EffectKind, V1EffectKind } from '@downstream/control-api';

/** The node APIs that a soak run can use. */
export const APIS = ['prototype', 'v1'] as const;
export type Api = (typeof APIS)[number];

/** The parameters of a soak run. */
export const PLAN = {
  intervalMs: 4_000,
  contracts: 20,
  chunkBytes: 64 * 1024,
  /** The time between two faults, in which only chunks are damaged. */
  pauseMs: { min: 3_000, max: 10_000 },
  /** How long the farmer needs to confirm that a contract ended; only then does it ask for another. */
  confirmMs: 4_000,
  faultMs: { min: 1_000, max: 4_000 },
  /** The probability that a chunk is damaged during a pause. */
  damageProbability: 0.7,
  /** The last pause, in which everything must be repaired. */
  endMs: 12_000,
  /** The longest time the node needs to create a contract. */
  generationMs: 250,
  /** How often the node's contracts are read. */
  pollMs: 100,
  /** Challenges of a v1 contract: few enough that some contracts complete in a run of a few minutes. */
  challengesPerChunk: 40,
} as const;

/** How much time the farmer may lose to disturbances before a failed challenge is its own fault. */
export const TOLERANCE = {
  /** The time to recover after a fault: retry pauses, connections, a start. */
  settleMs: 4_000,
  /** A round that was disturbed for no longer than this can still be answered. */
  disturbedMs: 1_000,
  /** A chunk damaged this long before the deadline can be rebuilt in time. */
  repairMs: 2_500,
  /**
   * Unknown contracts are released after three listings, one second apart, so within their first round. In the v1 API,
   * the node ends them after it.
   */
  unknownContractRounds: 1,
  /** How long the farmer may take to count a challenge after the node has counted it. */
  countMs: 2_000,
} as const;

type PrototypeEffect = Exclude<EffectKind, V1EffectKind>;

/** The fault effects that both APIs have, with their parameters. */
const COMMON_FAULTS: Readonly<Record<Exclude<PrototypeEffect, 'wrong_hash'>, EffectInput>> = {
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
  amplify: 'amplify',
  wrong_content_type: 'wrong_content_type',
  fixed: { kind: 'fixed', ms: 1_500 },
  uniform: { kind: 'uniform', maxMs: 1_500 },
  lognormal: { kind: 'lognormal', medianMs: 300 },
  wrong_challenge: 'wrong_challenge',
  reject_answer: 'reject_answer',
  expire_contract: 'expire_contract',
  no_chunks: 'no_chunks',
  revoke_token: 'revoke_token',
  forget_all: 'forget_all',
  drop_response: 'drop_response',
  shorten_interval: 'shorten_interval',
  duplicate_challenge: 'duplicate_challenge',
  extra_entries: { kind: 'extra_entries', count: 20 },
  clock_skew: { kind: 'clock_skew', ms: 3_600_000 },
};

/** The fault effects that only the v1 API has, without those that change nothing with Merkle proofs. */
const V1_FAULTS: Readonly<Record<Exclude<V1EffectKind, 'empty_challenge' | 'wrong_prime'>, EffectInput>> = {
  exceed_size: 'exceed_size',
  wrong_tag: 'wrong_tag',
  malformed_tag: 'malformed_tag',
  large_tag: { kind: 'large_tag', bytes: 16 * 1024 * 1024 },
  wrong_due: 'wrong_due',
  wrong_id: 'wrong_id',
  false_report: 'false_report',
  unknown_scheme: 'unknown_scheme',
};

/** Every fault effect of each API, with its parameters. */
export const NODE_FAULTS: Readonly<Record<Api, Readonly<Record<string, EffectInput>>>> = {
  prototype: { ...COMMON_FAULTS, wrong_hash: 'wrong_hash' },
  v1: { ...COMMON_FAULTS, ...V1_FAULTS },
};

/** Limits for effects that would otherwise remove all contracts repeatedly, or make the farmer drop them rightly. */
export const MAX_APPLICATIONS: Partial<Record<EffectKind, number>> = {
  expire_contract: 2,
  revoke_token: 1,
  forget_all: 1,
  // The farmer drops a contract after three reports that it has ended.
  false_report: 2,
};

/** Faults under which the node may judge a correct answer as wrong. */
export const INVALIDATES_ANSWERS: ReadonlySet<string> = new Set([
  'reject_answer',
  'wrong_challenge',
  // The farmer does not know the earlier deadline and may answer when the next challenge is open.
  'shorten_interval',
]);

/** Disturbances that can delay an answer in transit beyond its deadline. */
export const DELAYS_ANSWERS: ReadonlySet<string> = new Set(['farmer frozen']);

/** Faults that make new contracts permanently unprovable. The node ends these contracts with the fault. */
export const BREAKS_CONTRACTS: ReadonlySet<string> = new Set(['wrong_hash', 'wrong_tag', 'shorten_interval']);

/** Disturbances other than the node's fault effects. */
export const OUTAGES = ['farmer killed', 'farmer stopped', 'farmer frozen', 'node stopped'] as const;

export const DAMAGE_KINDS = ['truncated', 'flipped', 'deleted', 'replaced by a folder'] as const;
export type DamageKind = (typeof DAMAGE_KINDS)[number];
