import { evaluateKeyedPrf } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFixture } from './support/fixtures.ts';

interface Fixture {
  vectors: { key_hex: string; range: string; eval: Record<string, string> }[];
}
const cases = readFixture<Fixture>('keyed-prf').vectors.flatMap(({ key_hex, range, eval: results }) =>
  Object.entries(results).map(([x, result]) => ({ key: Buffer.from(key_hex, 'hex'), range: BigInt(range), x, result })),
);
const key = Buffer.alloc(32, 7);

describe('evaluateKeyedPrf', () => {
  it.each(cases)('computes the known value of $x below $range', ({ key, range, x, result }) => {
    expect(evaluateKeyedPrf(key, range, Number(x))).toBe(BigInt(result));
  });

  it('returns a number below the range, for ranges of any size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 1n << 600n }), fc.nat(), (range, x) => {
        const result = evaluateKeyedPrf(key, range, x);
        expect(result >= 0n && result < range).toBe(true);
      }),
    );
  });

  it('pads inputs for ranges that are longer than a hash', () => {
    expect(evaluateKeyedPrf(key, 1n << 400n, 1) >> 256n).not.toBe(0n);
  });

  it.each([0n, -1n])('rejects the range %p', (range) => {
    expect(() => evaluateKeyedPrf(key, range, 0)).toThrow(`range: must be at least 1 (got ${range})`);
  });

  it('rejects a key that AES does not support', () => {
    expect(() => evaluateKeyedPrf(key.subarray(1), 9n, 0)).toThrow('key: must be 16, 24 or 32 bytes (got 31 bytes)');
  });
});
