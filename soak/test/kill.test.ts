import { describe, expect, it } from '@jest/globals';
import { AcknowledgedContracts } from '../src/acknowledged-contracts.ts';
import {
  checkLateAnswers,
  findDeletedChunks,
  findLeftovers,
  findViolations,
  findZeroCounts,
  type Remains,
} from '../src/checks.ts';
import type { StateFile } from '../src/data-dir.ts';
import { chooseKillPoint, identifyStep } from '../src/kill-points.ts';
import { SeededRandom } from '../src/seeded-random.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('chooseKillPoint', () => {
  const choosePoints = (seed: string) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 200 }, () => chooseKillPoint(random));
  };

  it('repeats its choices for the same seed only', () => {
    expect(choosePoints('one')).toEqual(choosePoints('one'));
    expect(choosePoints('one')).not.toEqual(choosePoints('two'));
  });

  it('chooses points from before the first log line, each up to 20 ms after a line', () => {
    const points = choosePoints('one');
    const lines = points.flatMap(({ after }) => (typeof after === 'number' ? [after] : []));
    expect(Math.min(...lines)).toBe(0);
    expect(new Set(lines).size).toBeGreaterThan(20);
    expect(points.every(({ delayMs }) => delayMs >= 0 && delayMs < 20)).toBe(true);
  });

  it.each(['removing', 'answering', 'listing'])('aims some kills at the step %s', (step) => {
    const aimed = choosePoints('one').filter(({ after }) => after === step).length;
    expect(aimed).toBeGreaterThan(10);
    expect(aimed).toBeLessThan(60);
  });
});

describe('identifyStep', () => {
  it.each([
    ['starting', undefined],
    ['starting', { message: 'farmer started' }],
    ['generating', { message: 'contract accepted' }],
    ['accepting', { message: 'node request completed', route: 'chunk' }],
    ['listing', { message: 'node request completed', route: 'due' }],
    ['answering', { message: 'node request completed', route: 'challenge' }],
    ['removing', { message: 'contract ended' }],
    ['other', { message: 'unknown message' }],
  ])('returns %s for the last line %j', (step, lastLine) => {
    expect(identifyStep({ lastLine, hasNewContract: false, hasPartialChunk: false })).toBe(step);
  });

  it('prefers the files on disk to the last line', () => {
    const lastLine = { message: 'node request completed', route: 'due' };
    expect(identifyStep({ lastLine, hasNewContract: true, hasPartialChunk: false })).toBe('accepting');
    expect(identifyStep({ lastLine, hasNewContract: false, hasPartialChunk: true })).toBe('generating');
  });
});

describe('AcknowledgedContracts', () => {
  it('holds contracts from their acceptance to their end', () => {
    const contracts = new AcknowledgedContracts();
    for (const contract of [A, B]) contracts.observe({ message: 'contract accepted', contract });
    expect(contracts.observe({ message: 'contract ended', contract: A })).toBe(A);
    expect([...contracts.current]).toEqual([B]);
    expect([...contracts.all]).toEqual([A, B]);
  });

  it('keeps a contract when a duplicate of it is rejected', () => {
    const contracts = new AcknowledgedContracts();
    contracts.observe({ message: 'contract accepted', contract: A });
    expect(contracts.observe({ message: 'contract rejected', contract: A, reason: 'duplicate' })).toBeUndefined();
    expect(contracts.observe({ message: 'contract rejected', contract: A, reason: 'hash_mismatch' })).toBe(A);
  });
});

describe('findViolations', () => {
  const intact: Remains = {
    acknowledged: new Set([A]),
    running: new Set([A]),
    stateFiles: createStateFiles([A], [A]),
    chunks: [{ name: A, sha256: B, expected: B }],
  };

  it('returns nothing if the state and the chunks are complete', () => {
    expect(findViolations(intact)).toEqual([]);
  });

  it('reports an acknowledged contract that is missing from the state or its replica', () => {
    expect(findViolations({ ...intact, stateFiles: createStateFiles([], [A]) })).toEqual([
      expect.stringMatching(`lost: contract ${A} .* missing from state.db`),
    ]);
    expect(findViolations({ ...intact, stateFiles: createStateFiles([A], []) })).toEqual([
      expect.stringMatching(`lost: contract ${A} .* missing from state.replica.db`),
    ]);
  });

  it('ignores contracts that the node ended or the farmer never acknowledged, and chunks not generated yet', () => {
    const stateFiles = createStateFiles([], []);
    expect(findViolations({ ...intact, stateFiles, running: new Set() })).toEqual([]);
    expect(findViolations({ ...intact, stateFiles, acknowledged: new Set() })).toEqual([]);
    expect(findViolations({ ...intact, chunks: [] })).toEqual([]);
  });

  it('reports a chunk that is not that of its contract or is not a file', () => {
    for (const sha256 of [A, undefined])
      expect(findViolations({ ...intact, chunks: [{ name: A, sha256, expected: B }] })).toEqual([
        expect.stringContaining('corrupt'),
      ]);
  });

  it('reports the errors of SQLite', () => {
    const [state, replica] = createStateFiles([A], [A]);
    const stateFiles = [state, { ...replica, errors: ['a row is missing'] }];
    expect(findViolations({ ...intact, stateFiles })).toEqual(['state.replica.db: a row is missing']);
  });
});

describe('findLeftovers', () => {
  it('returns partial chunks and chunks without a contract', () => {
    expect(findLeftovers([A, B, `${A}.1.partial`], new Set([A]))).toEqual([B, `${A}.1.partial`]);
  });
});

describe('findDeletedChunks', () => {
  const before = new Map([[A, 1]]);
  const running = new Set([A]);

  it('reports intact chunks that were deleted or rebuilt', () => {
    expect(findDeletedChunks(before, { now: new Map([[A, 1]]), running })).toEqual([]);
    expect(findDeletedChunks(before, { now: new Map(), running })).toEqual([A]);
    expect(findDeletedChunks(before, { now: new Map([[A, 2]]), running })).toEqual([A]);
  });

  it('ignores chunks whose contract the node has ended', () => {
    expect(findDeletedChunks(before, { now: new Map(), running: new Set() })).toEqual([]);
  });
});

describe('findZeroCounts', () => {
  it('reports each count that is zero, because such a run proves nothing', () => {
    expect(findZeroCounts({ acknowledged: 3, passed: 1 })).toEqual([]);
    expect(findZeroCounts({ acknowledged: 3, 'challenges passed': 0 })).toEqual(['inconclusive: no challenges passed']);
  });
});

describe('checkLateAnswers', () => {
  it.each([
    [2, 0],
    [5, 500],
  ])('tolerates %i late answers if %i passed, but not one more', (late, passed) => {
    expect(checkLateAnswers({ late, passed, delayMs: 60 })).toEqual([]);
    expect(checkLateAnswers({ late: late + 1, passed, delayMs: 60 })).toEqual([
      expect.stringContaining(`${late + 1} answers`),
    ]);
  });

  it('reports none if the machine left the run too little time', () => {
    expect(checkLateAnswers({ late: 100, passed: 100, delayMs: 300 })).toEqual([]);
  });
});

function createStateFiles(state: string[], replica: string[]): [StateFile, StateFile] {
  return [
    { name: 'state.db', contracts: new Set(state), errors: [] },
    { name: 'state.replica.db', contracts: new Set(replica), errors: [] },
  ];
}
