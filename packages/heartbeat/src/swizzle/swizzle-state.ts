import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { HeartbeatError } from '../heartbeat-error.ts';
import type { RandomBytes } from '../proof-scheme.ts';
import { BinaryReader, encodeBytes, encodeInteger } from './binary.ts';
import { KEY_BYTES, type SwizzleHeartbeat, type SwizzleState } from './swizzle-types.ts';

/** The keys of the pseudorandom functions f and alpha, which make authenticators unpredictable. 32 bytes each. */
interface FileKeys {
  readonly f: Uint8Array;
  readonly alpha: Uint8Array;
}

/** @throws HeartbeatError `private_heartbeat_required` */
export function getKeys({ keys }: SwizzleHeartbeat): NonNullable<SwizzleHeartbeat['keys']> {
  if (keys) return keys;
  throw new HeartbeatError('private_heartbeat_required', 'heartbeat: must contain keys; use the private heartbeat');
}

export function encodeSignedPart({ chunkCount, iv, encryptedKeys }: Omit<SwizzleState, 'signature'>): Buffer {
  return Buffer.concat([encodeInteger(chunkCount), encodeBytes(iv), encodeBytes(encryptedKeys)]);
}

export function sealState(
  heartbeat: SwizzleHeartbeat,
  { chunkCount, f, alpha }: FileKeys & { chunkCount: number },
  random: RandomBytes,
): SwizzleState {
  const keys = getKeys(heartbeat);
  const iv = random(16);
  const cipher = createCipheriv('aes-256-cfb', keys.encryption, iv);
  const encryptedKeys = cipher.update(Buffer.concat([encodeBytes(f), encodeBytes(alpha)]));
  const unsigned = { chunkCount, iv, encryptedKeys };
  return { ...unsigned, signature: sign(keys.mac, unsigned) };
}

/** @throws HeartbeatError `invalid_signature`, `private_heartbeat_required` */
export function openState(heartbeat: SwizzleHeartbeat, state: SwizzleState): FileKeys {
  const keys = getKeys(heartbeat);
  if (!timingSafeEqual(sign(keys.mac, state), state.signature)) {
    throw new HeartbeatError('invalid_signature', 'state: was changed, or signed with the key of another heartbeat');
  }
  const decipher = createDecipheriv('aes-256-cfb', keys.encryption, state.iv);
  const reader = new BinaryReader(decipher.update(state.encryptedKeys), 'state.keys');
  return { f: reader.readBytes('f', KEY_BYTES, KEY_BYTES), alpha: reader.readBytes('alpha', KEY_BYTES, KEY_BYTES) };
}

function sign(key: Uint8Array, state: Omit<SwizzleState, 'signature'>): Buffer {
  return createHmac('sha256', key).update(encodeSignedPart(state)).digest();
}
