import { HeartbeatError, swizzle } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFixture } from '../support/fixtures.ts';

const { vectors } = readFixture<{ vectors: Record<string, string>[] }>('swizzle');
const [vector = {}] = vectors;
const kinds = fc.constantFrom('heartbeat', 'state', 'challenge', 'proof', 'tag');

/** Little-endian 32-bit integer. */
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const lv = (bytes: Uint8Array) => Buffer.concat([u32(bytes.length), bytes]);
const base64 = (...parts: Uint8Array[]) => Buffer.concat(parts).toString('base64');
const key = lv(Buffer.alloc(32, 1));
const one = lv(Buffer.of(1));
const zero = lv(Buffer.of(0));
const heartbeat = (sectors: number, sectorSize: number, prime: Uint8Array) =>
  base64(Buffer.from([1]), u32(sectors), u32(sectorSize), lv(prime));
const prime = (bits: number) => Buffer.alloc(bits / 8, 255);

describe('swizzle JSON', () => {
  it.each(vectors)('of $size bytes is unchanged after parsing', (known) => {
    const { tag, state, challenge, proof } = known;
    const parsed = swizzle.heartbeat.fromJSON(known['private']);
    expect({
      private: swizzle.heartbeat.toJSON(parsed),
      public: swizzle.heartbeat.toJSON(swizzle.getPublic(parsed)),
      tag: swizzle.tag.toJSON(swizzle.tag.fromJSON(tag)),
      state: swizzle.state.toJSON(swizzle.state.fromJSON(state)),
      challenge: swizzle.challenge.toJSON(swizzle.challenge.fromJSON(challenge)),
      proof: swizzle.proof.toJSON(swizzle.proof.fromJSON(proof)),
    }).toEqual({ private: known['private'], public: known['public'], tag, state, challenge, proof });
  });

  it.each([
    ['heartbeat', 'of unknown type', base64(Buffer.from([7])), 'heartbeat.type: must be one of 0, 1 (got 7)'],
    ['heartbeat', 'without sectors', heartbeat(0, 32, prime(256)), 'heartbeat.sectors: must be from 1 to 1024 (got 0)'],
    ['heartbeat', 'with too many sectors', heartbeat(1e9, 32, prime(256)), 'heartbeat.sectors: must be from 1 to 1024'],
    ['heartbeat', 'with a prime of 0', heartbeat(1, 1, Buffer.of(0)), 'prime: must be at least 256 bits (got 0 bits)'],
    ['heartbeat', 'with a prime of 1 bit', heartbeat(1, 1, Buffer.of(1)), 'must be at least 256 bits (got 1 bits)'],
    ['heartbeat', 'with a huge prime', heartbeat(1, 1000, prime(1e5)), 'heartbeat: must be base64 of 1 to 2048 bytes'],
    [
      'heartbeat',
      'with a large prime',
      heartbeat(1, 1, prime(8200)),
      'prime: must be 0 to 1024 bytes (got 1025 bytes)',
    ],
    ['heartbeat', 'with small sectors', heartbeat(1, 1, prime(256)), 'sector_size: must be 32 for a prime of 256 bits'],
    [
      'heartbeat',
      'with large sectors',
      heartbeat(1, 33, prime(256)),
      'sector_size: must be 32 for a prime of 256 bits',
    ],
    ['heartbeat', 'that ends early', base64(Buffer.from([1, 1])), 'heartbeat.sectors: must be complete, 4 bytes'],
    ['challenge', 'with a limit of 0', base64(u32(1), key, zero), 'challenge.v_max: must be at least 1 (got 0)'],
    ['challenge', 'with a short key', base64(u32(1), one, one), 'challenge.key: must be 32 bytes (got 1 bytes)'],
    ['challenge', 'with more bytes', base64(u32(1), key, one, key), 'challenge: must be 45 bytes (got 36 more)'],
    ['tag', 'without numbers', base64(u32(0)), 'tag.count: must be from 1 to'],
    ['tag', 'with fewer numbers than its count', base64(u32(1e5), one), 'tag.sigma[1]: must be complete'],
    ['tag', 'with too many numbers', base64(u32(1e6), one), 'tag.count: must be from 1 to 131072 (got 1000000)'],
    ['tag', 'of 100 MB', 'A'.repeat(1e8), 'tag: must be base64 of 1 to 16777216 bytes (got a string of 100000000'],
    ['tag', 'with a huge number', base64(u32(1), u32(2 ** 32 - 1)), 'tag.sigma[0]: must be 0 to 1024 bytes'],
    ['proof', 'without numbers', base64(u32(0), zero), 'proof.count: must be from 1 to 1024 (got 0)'],
    ['proof', 'with a huge count', base64(u32(2 ** 32 - 1)), 'proof.count: must be from 1 to 1024 (got 4294967295)'],
    ['state', 'of no bytes', base64(u32(0)), 'state.raw: must be 1 to 2048 bytes (got 0 bytes)'],
    ['state', 'without a signature', base64(lv(lv(Buffer.alloc(9)))), 'state.signature: must be complete, 4 bytes'],
    ['proof', 'that is not base64', '====', 'proof: must be base64'],
    [
      'proof',
      'that is no string',
      { mu: [] },
      'proof: must be base64 of 1 to 1053704 bytes (got a value of type object)',
    ],
  ] as const)('of a %s %s is rejected', (kind, _, json, message) => {
    expect(() => swizzle[kind].fromJSON(json)).toThrow(message);
  });

  it('that ends at any byte is rejected with a HeartbeatError', () => {
    fc.assert(
      fc.property(kinds, fc.double({ min: 0, max: 0.999, noNaN: true }), (kind, part) => {
        const bytes = Buffer.from(vector[kind === 'heartbeat' ? 'private' : kind] ?? '', 'base64');
        const json = base64(bytes.subarray(0, Math.floor(part * bytes.length)));
        expect(() => swizzle[kind].fromJSON(json)).toThrow(HeartbeatError);
      }),
    );
  });

  it('of arbitrary bytes is parsed, or rejected with a HeartbeatError', () => {
    fc.assert(
      fc.property(kinds, fc.uint8Array({ maxLength: 300 }), (kind, bytes) => {
        try {
          swizzle[kind].fromJSON(base64(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(HeartbeatError);
        }
      }),
    );
  });
});
