import {
  computeDetectionProbability,
  computeOneHashExtents,
  countChallengesToDetect,
  countSampledBytes,
  MIN_ONE_HASH_BYTES,
} from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

/** The bytes that a challenge covers. */
const listBytes = (size: number, block: number) =>
  computeOneHashExtents(size, block).flatMap(({ offset, length }) =>
    Array.from({ length }, (_, index) => offset + index),
  );

describe('MIN_ONE_HASH_BYTES', () => {
  it('is the size of the smallest file that challenges cover', () => {
    const covers = (size: number) => Array.from({ length: size }, (_, block) => listBytes(size, block).length);
    expect(Math.max(...covers(MIN_ONE_HASH_BYTES - 1))).toBe(0);
    expect(Math.min(...covers(MIN_ONE_HASH_BYTES))).toBe(1);
  });
});

describe('countSampledBytes', () => {
  it('counts each byte once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 300 }), fc.array(fc.nat(300)), (size, numbers) => {
        const blocks = numbers.map((number) => number % (size + 1));
        const bytes = new Set(blocks.flatMap((block) => listBytes(size, block)));
        expect(countSampledBytes(size, blocks)).toBe(bytes.size);
      }),
    );
  });

  it('counts the bytes of 44 challenges on a large file', () => {
    expect(
      countSampledBytes(
        1_000_000,
        Array.from({ length: 44 }, (_, n) => n * 20_000),
      ),
    ).toBe(44 * 1024);
  });
});

describe('computeDetectionProbability', () => {
  it('is a lower bound: every challenge whose offset differs covers a differing byte', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 12_000 }), fc.nat(), (size, number) => {
        const block = number % size;
        expect(listBytes(size, block)).toContain(block);
      }),
    );
  });

  it.each([
    [1_000_000, 1, 0.1],
    [1_000_000, 44, 0.9903],
    [20_000, 2, 0.19],
    [10, 1, 0.1],
    [10, 9, 0.9],
    [10, 10, 1],
  ])('of a tenth of %i bytes with %i challenges is %f', (size, challenges, probability) => {
    expect(computeDetectionProbability(size, size / 10, challenges)).toBeCloseTo(probability, 3);
  });
});

describe('countChallengesToDetect', () => {
  it.each([
    [10, 10],
    [100, 36],
    [10_240, 44],
    [1_000_000_000, 44],
  ])('needs, for a tenth of %i bytes, %i challenges', (size, challenges) => {
    expect(countChallengesToDetect(size, size / 10, 0.99)).toBe(challenges);
  });
});
