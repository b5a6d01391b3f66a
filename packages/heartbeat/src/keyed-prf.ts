import { createCipheriv, hash } from 'node:crypto';
import { rejectField } from './json-fields.ts';

const ZERO_IV = Buffer.alloc(16);
/** A draw is below the range with a probability of at least 1/2, so this limit is never reached by chance. */
const MAX_DRAWS = 256;

/**
 * Evaluates the keyed pseudorandom function of Storj's heartbeat (`KeyedPRF` in `heartbeat/util.py`): SHA-256 of the
 * decimal text of x, cut or padded with zeros to the size of the range, encrypted with AES-CFB8. While the low bits of
 * the result are not below the range, the same bytes are encrypted again with the running cipher.
 *
 * @param key 16, 24 or 32 bytes
 * @param range at least 1
 * @param x a non-negative integer
 * @returns a number in [0, range)
 * @throws HeartbeatError `invalid_data`
 */
export function evaluateKeyedPrf(key: Uint8Array, range: bigint, x: number | bigint): bigint {
  if (range < 1n) rejectField('range', 'at least 1', String(range));
  if (![16, 24, 32].includes(key.length)) rejectField('key', '16, 24 or 32 bytes', `${key.length} bytes`);
  const bits = range.toString(2).length;
  const input = Buffer.alloc(Math.ceil(bits / 8));
  input.set(hash('sha256', String(x), 'buffer').subarray(0, input.length));
  const cipher = createCipheriv(`aes-${key.length * 8}-cfb8`, key, ZERO_IV);
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const number = BigInt.asUintN(bits, BigInt(`0x${cipher.update(input).toString('hex')}`));
    if (number < range) return number;
  }
  return rejectField('key', `a key with a result within ${MAX_DRAWS} draws`, 'none');
}
