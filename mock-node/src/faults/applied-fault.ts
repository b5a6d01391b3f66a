import type { EffectByKind, EffectKind } from '@downstream/control-api';

/** A fault that applies to a request. */
export interface AppliedFault<Kind extends EffectKind = EffectKind> {
  readonly name: string;
  readonly kind: Kind;
  readonly effect: EffectByKind[Kind];
  /** The beginning of the hash of the only contract to which the fault applies. */
  readonly contract: string | undefined;
  /** The number of requests that matched the fault before this one. */
  readonly index: number;
  /** `rate_limit`: node time until requests are let through again. */
  readonly retryAfterMs?: number;
  /** A random number from 0 up to but not including 1. It depends only on the seed, the fault, `index` and `purpose`. */
  readonly chance: (purpose: string) => number;
}
