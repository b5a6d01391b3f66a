import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { estimateCapacity, hasCapacityForOneMore } from '../../src/contract/admission.ts';
import { type CapacityUser, computeUsableBytes, countChunks, splitCapacity } from '../../src/contract/capacity.ts';

describe('capacity', () => {
  it.each([
    [3, 30, 100],
    [3, 30, 90],
    [0, 30, 29],
  ])('fits %i chunks of %i bytes into %i bytes', (chunks, chunkBytes, sizeBytes) => {
    expect(countChunks(sizeBytes, chunkBytes)).toBe(chunks);
  });

  it('leaves out what remains of each disk, too small for a chunk', () => {
    expect(computeUsableBytes([100, 59, 20], 30)).toBe(120);
    expect(computeUsableBytes([100, 59, 20], 1)).toBe(179);
  });
});

describe('splitCapacity', () => {
  const inUse = (share: number, { bytes = 0, unitBytes = 1 } = {}) => ({ share, bytes, unitBytes, isInUse: true });
  const left = (bytes: number) => ({ share: 1, bytes, unitBytes: 1, isInUse: false });

  it.each<[number, string, CapacityUser[], number[]]>([
    [8, 'by the shares of the nodes in use', [inUse(3, { bytes: 9 }), inUse(1)], [6, 2]],
    [8, 'so that a node that is being left keeps what it holds', [left(5), inUse(1)], [5, 3]],
    [8, 'so that the capacity of a node that was left is free for the others', [left(0), inUse(0.5)], [0, 8]],
    [8, 'if no node is in use', [left(2), left(0)], [2, 0]],
    [8, 'if the nodes that are being left hold more than the capacity', [left(9), inUse(1)], [9, 0]],
    [10, 'so that the larger remainder is rounded up', [inUse(0.75), inUse(0.25)], [8, 2]],
    [1, 'so that equal shares use all of it', [inUse(0.5), inUse(0.5)], [1, 0]],
    [0, 'if there is none', [inUse(1)], [0]],
    [100, 'in whole chunks', [inUse(1, { unitBytes: 30 }), inUse(1, { unitBytes: 30 })], [60, 30]],
    [100, 'so that nodes with small chunks get the rest', [inUse(1, { unitBytes: 30 }), inUse(1)], [30, 70]],
    [100, 'so that a share of less than one chunk is not lost', [inUse(1, { unitBytes: 200 }), inUse(1)], [0, 100]],
  ])('splits %i bytes %s', (total, _, users, parts) => {
    expect(splitCapacity(total, users)).toEqual(parts);
  });

  const anyUsers = (unitBytes: fc.Arbitrary<number>) =>
    fc.array(fc.record({ share: fc.integer({ min: 1, max: 1000 }), unitBytes }), { minLength: 1, maxLength: 20 });
  const split = (total: number, users: readonly Pick<CapacityUser, 'share' | 'unitBytes'>[]) => {
    const parts = splitCapacity(
      total,
      users.map((user) => ({ ...user, bytes: 0, isInUse: true })),
    );
    return { parts, sum: parts.reduce((all, part) => all + part, 0) };
  };

  it('splits all units, each share rounded up or down, if all units are equal', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 40 }), anyUsers(fc.constant(1)), (units, size, users) => {
        const total = users.reduce((all, { share }) => all + share, 0);
        const { parts, sum } = split(
          units * size,
          users.map((user) => ({ ...user, unitBytes: size })),
        );
        expect(sum).toBe(units * size);
        for (const [at, { share }] of users.entries())
          expect(Math.abs((parts[at] ?? 0) / size - (units * share) / total)).toBeLessThan(1 + 1e-6);
      }),
    );
  });

  it('leaves less than the smallest unit, and splits into multiples of the units', () => {
    fc.assert(
      fc.property(fc.nat(100_000), anyUsers(fc.integer({ min: 1, max: 500 })), (total, users) => {
        const { parts, sum } = split(total, users);
        expect(total - sum).toBeGreaterThanOrEqual(0);
        expect(total - sum).toBeLessThan(Math.min(...users.map(({ unitBytes }) => unitBytes)));
        for (const [at, { unitBytes }] of users.entries()) expect((parts[at] ?? 0) % unitBytes).toBe(0);
      }),
    );
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
