import { hash } from 'node:crypto';
import { Point, recoverPublicKey } from '@noble/secp256k1';
import bs58check from 'bs58check';
import { findAddressMistake } from './address.ts';

/** Characters of a signature: 65 bytes in base64. */
export const SIGNATURE_CHARS = 88;
/** Characters of a message that a node accepts. */
export const MAX_MESSAGE_CHARS = 1024;

const PREFIX = Buffer.from('\x18Bitcoin Signed Message:\n', 'latin1');
/** The first byte of a signature is this plus the recovery id from 0 to 3, plus 4 if the public key is compressed. */
const MIN_HEADER = 27;
const MAX_HEADER = 34;

/**
 * Whether a message was signed with the key of an address, as Bitcoin signs messages: ECDSA over the double SHA-256 of
 * the message with a prefix. The public key is recovered from the signature.
 *
 * @param address an SJCX address
 * @param signature base64 of the header, r and s: 65 bytes
 */
export function isSignedBy(address: string, message: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  const [header = 0] = bytes;
  if (bytes.length !== 65 || bytes.toString('base64') !== signature) return false;
  if (header < MIN_HEADER || header > MAX_HEADER || findAddressMistake(address) !== undefined) return false;
  const isCompressed = header - MIN_HEADER >= 4;
  const recoverable = Buffer.concat([Buffer.from([(header - MIN_HEADER) % 4]), bytes.subarray(1)]);
  const publicKey = recoverKey(recoverable, hashMessage(message), isCompressed);
  if (publicKey === undefined) return false;
  const signer = hash('ripemd160', hash('sha256', publicKey, 'buffer'), 'buffer');
  return signer.equals(bs58check.decode(address).subarray(1));
}

function hashMessage(message: string): Buffer {
  const text = Buffer.from(message, 'utf8');
  return hash('sha256', hash('sha256', Buffer.concat([PREFIX, encodeLength(text.length), text]), 'buffer'), 'buffer');
}

/** Bitcoin's variable-length integer, up to 32 bits. */
function encodeLength(length: number): Buffer {
  if (length < 0xfd) return Buffer.from([length]);
  const bytes = Buffer.alloc(length <= 0xffff ? 3 : 5);
  bytes[0] = length <= 0xffff ? 0xfd : 0xfe;
  bytes.writeUIntLE(length, 1, bytes.length - 1);
  return bytes;
}

/** @returns undefined if no key can have made the signature */
function recoverKey(recoverable: Uint8Array, digest: Uint8Array, isCompressed: boolean): Uint8Array | undefined {
  try {
    return Point.fromBytes(recoverPublicKey(recoverable, digest, { prehash: false })).toBytes(isCompressed);
  } catch {
    return undefined;
  }
}
