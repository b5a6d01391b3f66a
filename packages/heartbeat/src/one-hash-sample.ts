import { computeOneHashExtents } from './one-hash.ts';

/** A OneHash challenge covers a tenth of a small file, so it covers nothing of a smaller one than this. */
export const MIN_ONE_HASH_BYTES = 10;

/** How many bytes of a file the challenges at these offsets cover together. */
export function countSampledBytes(size: number, blocks: Iterable<number>): number {
  const extents = [...blocks].flatMap((block) => computeOneHashExtents(size, block));
  let [covered, end] = [0, 0];
  for (const { offset, length } of extents.sort((a, b) => a.offset - b.offset)) {
    covered += Math.max(0, offset + length - Math.max(end, offset));
    end = Math.max(end, offset + length);
  }
  return covered;
}

/**
 * The probability, at least, that challenges detect a file of the same size of which `differing` bytes differ,
 * wherever those bytes are.
 *
 * A challenge always covers the byte at its offset, and the node chooses offsets at random. So challenges at different
 * offsets are draws without replacement, and one detects a difference if its offset is a differing byte. This is a
 * lower bound: a challenge also covers the bytes after its offset.
 *
 * @param challenges number of challenges at different offsets
 */
export function computeDetectionProbability(size: number, differing: number, challenges: number): number {
  let missed = 1;
  for (let drawn = 0; drawn < challenges && missed > 0; drawn++) {
    missed *= Math.max(0, size - differing - drawn) / (size - drawn);
  }
  return 1 - missed;
}

/** The fewest challenges at different offsets whose {@link computeDetectionProbability} is at least `probability`. */
export function countChallengesToDetect(size: number, differing: number, probability: number): number {
  let count = 1;
  while (count < size && computeDetectionProbability(size, differing, count) < probability) count++;
  return count;
}
