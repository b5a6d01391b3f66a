import { describe, expect, it } from '@jest/globals';
import { Promises } from '../src/acknowledged-contracts.ts';
import type { StateFile } from '../src/data-dir.ts';
import { checkLateAnswers, deleted, findLeftovers, findViolations, type Remains } from '../src/kill-checks.ts';
import { killPoint, stepAt } from '../src/kill-points.ts';
import { findZeroCounts } from '../src/proof.ts';
import { SeededRandom } from '../src/seeded-random.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('the points at which a farmer is killed', () => {
  const points = (seed: string) => {
    const dice = new SeededRandom(seed);
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
    expect(stepAt({ last, hasNewContract: false, hasPartialChunk: false })).toBe(step);
  });

  it('are known by what is left behind, rather than by the last word', () => {
    const last = { message: 'node asked', route: 'due' };
    expect(stepAt({ last, hasNewContract: true, hasPartialChunk: false })).toBe('taking');
    expect(stepAt({ last, hasNewContract: false, hasPartialChunk: true })).toBe('generating');
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
    nodeContracts: new Set([A]),
    stateFiles: stateFiles([A], [A]),
    chunks: [{ name: A, sha256: A }],
  };

  it('finds nothing wrong where every word was kept', () => {
    expect(findViolations(sound)).toEqual([]);
  });

  it('misses an acknowledged contract that the node has and the state, or its second copy, has not', () => {
    expect(findViolations({ ...sound, stateFiles: stateFiles([], [A]) })).toEqual([
      expect.stringMatching(`lost: contract ${A} .* state.db has not`),
    ]);
    expect(findViolations({ ...sound, stateFiles: stateFiles([A], []) })).toEqual([
      expect.stringMatching(`lost: contract ${A} .* state.mirror.db has not`),
    ]);
  });

  it('does not miss one that the node ended, nor one that was never acknowledged, nor a chunk that is still to be made', () => {
    const lost = stateFiles([], []);
    expect(findViolations({ ...sound, stateFiles: lost, nodeContracts: new Set() })).toEqual([]);
    expect(findViolations({ ...sound, stateFiles: lost, acknowledged: new Set() })).toEqual([]);
    expect(findViolations({ ...sound, chunks: [] })).toEqual([]);
  });

  it('sees a file that is not what its name says, or no file', () => {
    for (const sha256 of [B, undefined])
      expect(findViolations({ ...sound, chunks: [{ name: A, sha256 }] })).toEqual([expect.stringContaining('unsound')]);
  });

  it('passes on what SQLite complains of', () => {
    const [state, mirror] = stateFiles([A], [A]);
    const damaged = [state, { ...mirror, complaints: ['a row is missing'] }];
    expect(findViolations({ ...sound, stateFiles: damaged })).toEqual(['state.mirror.db: a row is missing']);
  });

  it('expects the next start to clear half-written chunks and those of no contract away', () => {
    expect(findLeftovers([A, B, `${A}.1.partial`], new Set([A]))).toEqual([B, `${A}.1.partial`]);
  });

  it('expects whole chunks to be left alone: one that was made again had been deleted', () => {
    const whole = new Map([[A, 1]]);
    const nodeContracts = new Set([A]);
    expect(deleted(whole, { now: new Map([[A, 1]]), nodeContracts })).toEqual([]);
    expect(deleted(whole, { now: new Map(), nodeContracts })).toEqual([A]);
    expect(deleted(whole, { now: new Map([[A, 2]]), nodeContracts })).toEqual([A]);
  });

  it('lets a chunk go whose contract the node has ended meanwhile', () => {
    expect(deleted(new Map([[A, 1]]), { now: new Map(), nodeContracts: new Set() })).toEqual([]);
  });
});

describe('the judge of a whole run', () => {
  it('takes nothing for proved where nothing happened', () => {
    expect(findZeroCounts({ acknowledged: 3, passed: 1 })).toEqual([]);
    expect(findZeroCounts({ acknowledged: 3, passed: 0 })).toEqual(['nothing was proved: passed: none']);
  });

  it.each([
    [2, 0],
    [5, 500],
  ])('puts up with %i late answers beside %i that passed, and with no more', (late, passed) => {
    expect(checkLateAnswers({ late, passed })).toEqual([]);
    expect(checkLateAnswers({ late: late + 1, passed })).toEqual([expect.stringContaining(`${late + 1} answers`)]);
  });
});

function stateFiles(state: string[], mirror: string[]): [StateFile, StateFile] {
  return [
    { name: 'state.db', contracts: new Set(state), complaints: [] },
    { name: 'state.mirror.db', contracts: new Set(mirror), complaints: [] },
  ];
}
