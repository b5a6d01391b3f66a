import { createCipheriv, createSecretKey, hash } from 'node:crypto';
import { countBits, toBigInt } from './big-number.ts';

const ZERO_IV = Buffer.alloc(16);
const MAX_DRAWS = 81;

/**
 * The pseudorandom function of the Swizzle scheme, from 32-bit integers to [0, limit): SHA-256 of the little-endian
 * input, cut or padded with zeros to the size of the limit, encrypted with AES-256-CFB128. Bits above the limit's are
 * cleared. While the result is not below the limit, the same bytes are encrypted again with the running cipher, at most
 * 81 times. An evaluation takes about 6 µs for 1024 bits.
 *
 * Source: `cxx/prf.hxx` of Storj's heartbeat 0.1.10. It differs from `evaluateKeyedPrf`.
 *
 * @param key 32 bytes
 * @param limit at least 1
 */
export function createSwizzlePrf(key: Uint8Array, limit: bigint): (index: number) => bigint {
  const secret = createSecretKey(key);
  const bits = countBits(limit);
  const block = Buffer.alloc(Math.ceil(bits / 8));
  const input = Buffer.alloc(4);
  return (index) => {
    input.writeUInt32LE(index);
    block.set(hash('sha256', input, 'buffer').subarray(0, block.length));
    const cipher = createCipheriv('aes-256-cfb', secret, ZERO_IV);
    let number = limit;
    for (let draw = 0; draw < MAX_DRAWS && number >= limit; draw++) {
      number = BigInt.asUintN(bits, toBigInt(cipher.update(block)));
    }
    return number;
  };
}
