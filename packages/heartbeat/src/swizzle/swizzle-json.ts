import { toBase64 } from '../json-fields.ts';
import type { Codec } from '../proof-scheme.ts';
import { countBits } from './big-number.ts';
import { BinaryReader, encodeBytes, encodeInteger, encodeNumber } from './binary.ts';
import { getSectorSize } from './swizzle-chunks.ts';
import { encodeSignedPart } from './swizzle-state.ts';
import {
  KEY_BYTES,
  MAX_CHUNKS,
  MAX_NUMBER_BYTES,
  MAX_SECTORS,
  MAX_TAG_BYTES,
  MIN_PRIME_BITS,
  type SwizzleChallenge,
  type SwizzleHeartbeat,
  type SwizzleProof,
  type SwizzleState,
  type SwizzleTag,
} from './swizzle-types.ts';

/** The JSON of each object is one string: its binary form in base64. */

const PRIVATE = 0;
const PUBLIC = 1;
const MAX_BYTES = {
  heartbeat: 2048,
  challenge: 2048,
  state: 2048,
  proof: 4 + (MAX_SECTORS + 1) * (4 + MAX_NUMBER_BYTES),
};

export const heartbeatCodec: Codec<SwizzleHeartbeat> = {
  toJSON: ({ keys, sectors, prime }) =>
    toBase64(
      Buffer.concat([
        Buffer.from([keys ? PRIVATE : PUBLIC]),
        ...(keys ? [encodeBytes(keys.encryption), encodeBytes(keys.mac)] : []),
        encodeInteger(sectors),
        encodeInteger(getSectorSize(prime)),
        encodeNumber(prime),
      ]),
    ),
  fromJSON(json) {
    const reader = BinaryReader.fromJSON(json, 'heartbeat', MAX_BYTES.heartbeat);
    const isPrivate = reader.readByte('type', [PRIVATE, PUBLIC]) === PRIVATE;
    const keys = isPrivate
      ? {
          encryption: reader.readBytes('encryption_key', KEY_BYTES, KEY_BYTES),
          mac: reader.readBytes('mac_key', KEY_BYTES, KEY_BYTES),
        }
      : undefined;
    const sectors = reader.readInteger('sectors', 1, MAX_SECTORS);
    const sectorSize = reader.readInteger('sector_size', 1, MAX_NUMBER_BYTES);
    const prime = reader.readNumber('prime');
    const bits = countBits(prime);
    if (bits < MIN_PRIME_BITS) reader.reject('prime', `at least ${MIN_PRIME_BITS} bits`, `${bits} bits`);
    if (sectorSize !== getSectorSize(prime)) {
      reader.reject('sector_size', `${getSectorSize(prime)} for a prime of ${bits} bits`, String(sectorSize));
    }
    reader.end();
    return { keys, sectors, prime, checkFraction: 1 };
  },
};

export const tagCodec: Codec<SwizzleTag> = {
  toJSON: ({ sigma }) => toBase64(Buffer.concat([encodeInteger(sigma.length), ...sigma.map(encodeNumber)])),
  fromJSON(json) {
    const reader = BinaryReader.fromJSON(json, 'tag', MAX_TAG_BYTES);
    const count = reader.readInteger('count', 1, MAX_CHUNKS);
    const sigma: bigint[] = [];
    for (let chunk = 0; chunk < count; chunk++) sigma.push(reader.readNumber(`sigma[${chunk}]`));
    reader.end();
    return { sigma };
  },
};

export const stateCodec: Codec<SwizzleState> = {
  toJSON: (state) =>
    toBase64(encodeBytes(Buffer.concat([encodeBytes(encodeSignedPart(state)), encodeBytes(state.signature)]))),
  fromJSON(json) {
    const outer = BinaryReader.fromJSON(json, 'state', MAX_BYTES.state);
    const raw = new BinaryReader(outer.readBytes('raw', 1, MAX_BYTES.state), 'state');
    outer.end();
    const signed = new BinaryReader(raw.readBytes('signed', 1, MAX_BYTES.state), 'state');
    const signature = raw.readBytes('signature', 32, 32);
    raw.end();
    const chunkCount = signed.readInteger('chunks', 1, MAX_CHUNKS);
    const iv = signed.readBytes('iv', 16, 16);
    const encryptedKeys = signed.readBytes('keys', 2 * (4 + KEY_BYTES), 2 * (4 + KEY_BYTES));
    signed.end();
    return { chunkCount, iv, encryptedKeys, signature };
  },
};

export const challengeCodec: Codec<SwizzleChallenge> = {
  toJSON: ({ chunks, key, coefficientLimit }) =>
    toBase64(Buffer.concat([encodeInteger(chunks), encodeBytes(key), encodeNumber(coefficientLimit)])),
  fromJSON(json) {
    const reader = BinaryReader.fromJSON(json, 'challenge', MAX_BYTES.challenge);
    const chunks = reader.readInteger('chunks', 0, 2 ** 32 - 1);
    const key = reader.readBytes('key', KEY_BYTES, KEY_BYTES);
    const coefficientLimit = reader.readNumber('v_max');
    if (coefficientLimit < 1n) reader.reject('v_max', 'at least 1', '0');
    reader.end();
    return { chunks, key, coefficientLimit };
  },
};

export const proofCodec: Codec<SwizzleProof> = {
  toJSON: ({ mu, sigma }) =>
    toBase64(Buffer.concat([encodeInteger(mu.length), ...mu.map(encodeNumber), encodeNumber(sigma)])),
  fromJSON(json) {
    const reader = BinaryReader.fromJSON(json, 'proof', MAX_BYTES.proof);
    const count = reader.readInteger('count', 1, MAX_SECTORS);
    const mu = Array.from({ length: count }, (_, sector) => reader.readNumber(`mu[${sector}]`));
    const sigma = reader.readNumber('sigma');
    reader.end();
    return { mu, sigma };
  },
};
