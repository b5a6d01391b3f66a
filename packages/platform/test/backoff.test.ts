import { computeBackoffMs } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const POLICY = { baseMs: 100, capMs: 5_000 };
const aRandomNumber = fc.double({ min: 0, max: 0.999, noNaN: true });
const compute = (attempt: number, random: number) => computeBackoffMs(POLICY, attempt, { next: () => random });

describe('computeBackoffMs', () => {
  it('multiplies the random number by a maximum that doubles up to the cap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), aRandomNumber, (attempt, random) => {
        expect(compute(attempt, random)).toBeCloseTo(Math.min(5_000, 100 * 2 ** (attempt - 1)) * random, 6);
      }),
    );
  });

  it('never decreases with the number of attempts, and stays finite, for the same random number', () => {
    fc.assert(
      fc.property(aRandomNumber, fc.nat(10_000), (random, attempt) => {
        expect(compute(attempt + 2, random)).toBeGreaterThanOrEqual(compute(attempt + 1, random));
        expect(compute(attempt + 1, random)).toBeLessThanOrEqual(5_000);
      }),
    );
  });

  it('starts at 0, because the jitter covers the whole range', () => {
    expect(compute(3, 0)).toBe(0);
    expect(compute(3, 0.5)).toBe(200);
  });
});
