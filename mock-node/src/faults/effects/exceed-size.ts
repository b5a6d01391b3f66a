import { STANDARD_GENESIS } from '@downstream/protocol';
import type { Violation } from './effect.ts';

/** The largest size that the route accepts. */
const MAX_SIZE = 999_999_999_999_999;

export const exceedSize: Violation<'exceed_size'> =
  (handle, { effect: { factor } }) =>
  (call) => {
    const requested = Number(call.params['size'] ?? STANDARD_GENESIS.sizeBytes);
    if (Number.isNaN(requested)) return handle(call);
    const size = String(Math.min(MAX_SIZE, Math.floor(requested * factor)));
    return handle({ ...call, params: { ...call.params, size } });
  };
