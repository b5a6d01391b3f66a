import { readFileSync } from 'node:fs';
import { randomio } from '@downstream/file-encryptor';
import { computeOneHashExtents, computeOneHashResponse, generateOneHashSeeds } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

interface Fixture {
  generate_seeds: { num: number; root_seed: string; secret: string; seeds: string[] };
  vectors: {
    file: { randomio_seed: string; size: number };
    challenges: { block: number; seed: string; response: string }[];
  }[];
}
const fixture: Fixture = JSON.parse(readFileSync(new URL('./fixtures/onehash.json', import.meta.url), 'utf8'));
const cases = fixture.vectors.flatMap(({ file, challenges }) =>
  challenges.map((challenge) => ({ ...file, ...challenge })),
);

describe('computeOneHashResponse', () => {
  it.each(cases)(
    'computes the known response for $size bytes, block $block',
    ({ randomio_seed, size, block, seed, response }) => {
      const file = Buffer.concat([...randomio(randomio_seed, size)]);
      const pieces = computeOneHashExtents(size, block).map(({ offset, length }) =>
        file.subarray(offset, offset + length),
      );
      expect(computeOneHashResponse(pieces, seed)).toBe(response);
    },
  );
});

describe('computeOneHashExtents', () => {
  it('covers at most 1024 bytes, all of them inside the file', () => {
    fc.assert(
      fc.property(fc.nat(1 << 20), fc.nat(1 << 20), (size, seed) => {
        const extents = computeOneHashExtents(size, seed % (size + 1));
        for (const { offset, length } of extents) {
          expect(length).toBeGreaterThanOrEqual(0);
          expect(offset + length).toBeLessThanOrEqual(size);
        }
        expect(extents.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(1024);
      }),
    );
  });

  it.each([-1, 11, 0.5, Number.NaN])('throws for block %p of a file of 10 bytes', (block) => {
    expect(() => computeOneHashExtents(10, block)).toThrow(RangeError);
  });
});

describe('generateOneHashSeeds', () => {
  it('yields the known seeds', () => {
    const { num, root_seed, secret, seeds } = fixture.generate_seeds;
    expect(generateOneHashSeeds(root_seed, secret).take(num).toArray()).toEqual(seeds);
  });
});
