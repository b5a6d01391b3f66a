import { createHmac, timingSafeEqual } from 'node:crypto';
import { HeartbeatError } from '../heartbeat-error.ts';
import type { MerkleState } from './merkle-types.ts';

type UnsignedState = Omit<MerkleState, 'signature'>;

function computeSignature(key: Uint8Array, state: UnsignedState, timestamp: string): Buffer {
  return createHmac('sha256', key)
    .update(String(state.index))
    .update(state.seed)
    .update(String(state.challengeCount))
    .update(state.root)
    .update(timestamp)
    .digest();
}

export function signState(key: Uint8Array, state: UnsignedState): MerkleState {
  return { ...state, signature: computeSignature(key, state, String(state.timestamp)) };
}

/**
 * Python signs the text of a float, so a whole number ends with `.0`. JSON does not preserve that, so both texts are
 * accepted for whole numbers.
 *
 * @throws HeartbeatError `invalid_signature`
 */
export function checkSignature(key: Uint8Array, state: MerkleState): void {
  const texts = [`${state.timestamp}`, ...(Number.isInteger(state.timestamp) ? [`${state.timestamp}.0`] : [])];
  const isSigned = (text: string) => timingSafeEqual(computeSignature(key, state, text), state.signature);
  if (!texts.some(isSigned)) {
    throw new HeartbeatError('invalid_signature', 'state: was changed, or signed with the key of another heartbeat');
  }
}
