import { describe, expect, it } from '@jest/globals';
import { Dice } from '../src/dice.ts';
import { leftBehind, type Remains, wrongWith } from '../src/kill-judge.ts';
import { killPoint, stepAt } from '../src/kill-points.ts';
import { Promises } from '../src/promises.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('the points at which a farmer is killed', () => {
  const points = (seed: string) => {
    const dice = new Dice(seed);
    return Array.from({ length: 200 }, () => killPoint(dice));
  };

  it('are the same for the same seed, and others for another', () => {
    expect(points('one')).toEqual(points('one'));
    expect(points('one')).not.toEqual(points('two'));
  });

  it('begin before the first line, and are up to 20 ms after one', () => {
    const lines = points('one').flatMap(({ after }) => (typeof after === 'number' ? [after] : []));
    expect(Math.min(...lines)).toBe(0);
    expect(new Set(lines).size).toBeGreaterThan(20);
    expect(points('one').every(({ plusMs }) => plusMs >= 0 && plusMs < 20)).toBe(true);
  });

  it('are now and then where a contract ends, which is seldom', () => {
    const ends = points('one').filter(({ after }) => after === 'contract ended').length;
    expect(ends).toBeGreaterThan(10);
    expect(ends).toBeLessThan(60);
  });

  it.each([
    ['starting', undefined],
    ['starting', { message: 'farmer started' }],
    ['generating', { message: 'contract taken' }],
    ['taking', { message: 'node asked', route: 'chunk' }],
    ['listing', { message: 'node asked', route: 'due' }],
    ['answering', { message: 'node asked', route: 'challenge' }],
    ['removing', { message: 'contract ended' }],
    ['other', { message: 'a word nobody knows' }],
  ])('are known as %s by the last word', (step, last) => {
    expect(stepAt({ last, hasTaken: false, hasHalfWritten: false })).toBe(step);
  });

  it('are known by what is left behind, rather than by the last word', () => {
    const last = { message: 'node asked', route: 'due' };
    expect(stepAt({ last, hasTaken: true, hasHalfWritten: false })).toBe('taking');
    expect(stepAt({ last, hasTaken: false, hasHalfWritten: true })).toBe('generating');
  });
});

describe('what a farmer promised', () => {
  it('is what it took and did not end', () => {
    const promises = new Promises();
    for (const contract of [A, B]) promises.hear({ message: 'contract taken', contract });
    expect(promises.hear({ message: 'contract ended', contract: A })).toBe(A);
    expect([...promises.held]).toEqual([B]);
    expect([...promises.ever]).toEqual([A, B]);
  });

  it('is not less by an offer of what it has already', () => {
    const promises = new Promises();
    promises.hear({ message: 'contract taken', contract: A });
    expect(promises.hear({ message: 'contract refused', contract: A, reason: 'duplicate' })).toBeUndefined();
    expect(promises.hear({ message: 'contract refused', contract: A, reason: 'hash_mismatch' })).toBe(A);
  });
});

describe('the judge of what a killed farmer left', () => {
  const sound: Remains = {
    acknowledged: new Set([A]),
    onBooks: new Set([A]),
    inState: new Set([A]),
    complaints: [],
    chunks: [{ name: A, sha256: A }],
  };

  it('finds nothing wrong where every word was kept', () => {
    expect(wrongWith(sound)).toEqual([]);
  });

  it('misses an acknowledged contract that the node has and the state has not', () => {
    expect(wrongWith({ ...sound, inState: new Set() })).toEqual([expect.stringContaining(`lost: contract ${A}`)]);
  });

  it('does not miss one that the node ended, nor one that was never acknowledged, nor a chunk that is still to be made', () => {
    expect(wrongWith({ ...sound, inState: new Set(), onBooks: new Set() })).toEqual([]);
    expect(wrongWith({ ...sound, inState: new Set(), acknowledged: new Set() })).toEqual([]);
    expect(wrongWith({ ...sound, chunks: [] })).toEqual([]);
  });

  it('sees a file that is not what its name says, or no file', () => {
    for (const sha256 of [B, undefined])
      expect(wrongWith({ ...sound, chunks: [{ name: A, sha256 }] })).toEqual([expect.stringContaining('unsound')]);
  });

  it('passes on what SQLite complains of', () => {
    expect(wrongWith({ ...sound, complaints: ['a row is missing'] })).toEqual(['state: a row is missing']);
  });

  it('expects the next start to clear half-written chunks and those of no contract away', () => {
    expect(leftBehind([A, B, `${A}.1.partial`], new Set([A]))).toEqual([B, `${A}.1.partial`]);
  });
});
