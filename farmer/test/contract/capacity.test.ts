import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { estimateCapacity, hasCapacityForOneMore } from '../../src/contract/admission.ts';
import { apportion, countChunks, splitCapacity } from '../../src/contract/capacity.ts';

describe('capacity', () => {
  it.each([
    [3, 30, 100],
    [3, 30, 90],
    [0, 30, 29],
  ])('fits %i chunks of %i bytes into %i bytes', (chunks, chunkBytes, sizeBytes) => {
    expect(countChunks(sizeBytes, chunkBytes)).toBe(chunks);
  });

  it.each<[number, number[], number[]]>([
    [10, [0.5, 0.5], [5, 5]],
    [10, [0.75, 0.25], [8, 2]],
    [1, [0.5, 0.5], [1, 0]],
    [0, [1], [0]],
  ])('apportions %i contracts by the shares %j as %j', (total, shares, parts) => {
    expect(apportion(total, shares)).toEqual(parts);
  });

  it('apportions all contracts, each share rounded up or down', () => {
    const weightLists = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.nat(100_000), weightLists, (total, weights) => {
        const sum = weights.reduce((all, weight) => all + weight, 0);
        const shares = weights.map((weight) => weight / sum);
        const parts = apportion(total, shares);
        expect(parts.reduce((all, part) => all + part, 0)).toBe(total);
        for (const [at, part] of parts.entries())
          expect(Math.abs(part - total * (shares[at] ?? 0))).toBeLessThan(1 + 1e-6);
      }),
    );
  });
});

describe('splitCapacity', () => {
  const inUse = (share: number, contracts = 0) => ({ share, contracts, isInUse: true });
  const left = (contracts: number) => ({ share: 1, contracts, isInUse: false });

  it.each([
    ['by the shares of the nodes in use', [inUse(3, 9), inUse(1)], [6, 2]],
    ['so that a node that is being left keeps what it holds', [left(5), inUse(1)], [5, 3]],
    ['so that the capacity of a node that was left is free for the others', [left(0), inUse(0.5)], [0, 8]],
    ['if no node is in use', [left(2), left(0)], [2, 0]],
    ['if the nodes that are being left hold more than the capacity', [left(9), inUse(1)], [9, 0]],
  ])('splits 8 contracts %s', (_, users, parts) => {
    expect(splitCapacity(8, users)).toEqual(parts);
  });
});

const SPEED = { proofMs: 100, workers: 2, answerMs: 10, answerConcurrency: 16 };
const every = (intervalMs: number, contracts = 5) => ({ contracts, challengesPerMs: contracts / intervalMs });

describe('estimateCapacity', () => {
  it('returns how many contracts the workers can prove between listing and deadline', () => {
    // 60 s minus a tenth, a proof and an answer; twenty proofs per second.
    expect(estimateCapacity(every(60_000), SPEED)).toBe(1077);
  });

  it('returns less for a node that acknowledges answers slowly', () => {
    expect(estimateCapacity(every(60_000), { ...SPEED, answerMs: 5_000 })).toBe(156);
  });

  it('returns 0 if a proof takes longer than the interval', () => {
    expect(estimateCapacity(every(90), SPEED)).toBe(0);
  });

  it('returns more for longer intervals and more workers, and less for slower proofs', () => {
    const ms = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(ms, ms, fc.integer({ min: 1, max: 64 }), (intervalMs, proofMs, workers) => {
        const speed = { ...SPEED, proofMs, workers };
        const at = estimateCapacity(every(intervalMs), speed) ?? 0;
        expect(estimateCapacity(every(2 * intervalMs), speed)).toBeGreaterThanOrEqual(at);
        expect(estimateCapacity(every(intervalMs), { ...speed, workers: workers + 1 })).toBeGreaterThanOrEqual(at);
        expect(estimateCapacity(every(intervalMs), { ...speed, proofMs: proofMs + 1 })).toBeLessThanOrEqual(at);
      }),
    );
  });

  it('returns undefined without contracts, so that a first one is accepted', () => {
    expect(estimateCapacity({ contracts: 0, challengesPerMs: 0 }, SPEED)).toBeUndefined();
    expect(hasCapacityForOneMore(undefined, 0)).toBe(true);
  });

  it('allows one more contract only up to 70 % of the estimate', () => {
    expect(hasCapacityForOneMore(1000, 699)).toBe(true);
    expect(hasCapacityForOneMore(1000, 700)).toBe(false);
    expect(hasCapacityForOneMore(0, 1)).toBe(false);
  });
});
