import { describe, expect, it } from '@jest/globals';
import { ChallengeCounts } from '../src/challenge-counts.ts';
import { ContractNames } from '../src/contract-names.ts';
import { type Circumstances, FailureExplainer, isFromBreakingFault } from '../src/failure-explainer.ts';
import { findGrowth, type ResourceSample } from '../src/resource-usage.ts';
import { compareSnapshots, type FailedRound, getLastRounds, type Snapshot } from '../src/rounds.ts';

const A = 'a'.repeat(64);
const TOLERANCE = { settleMs: 1_000, disturbedMs: 500, repairMs: 2_000, unknownContractRounds: 1 };
const ROUND = { contract: A, number: 2, from: 10_000, until: 14_000 };

function explain(circumstances: Partial<Circumstances>, round: Partial<FailedRound> = {}): string | undefined {
  const all = { disturbances: [], damages: [], acknowledged: new Set([A]), ...circumstances };
  return new FailureExplainer(TOLERANCE, all).explain({ ...ROUND, result: 'unanswered', ...round });
}

describe('FailureExplainer', () => {
  it('finds no reason in a round without a fault', () => {
    expect(explain({})).toBeUndefined();
    expect(explain({ disturbances: [{ kind: 'reset', from: 2_000, until: 9_000 }] })).toBeUndefined();
    expect(explain({ disturbances: [{ kind: 'reset', from: 14_000, until: 15_000 }] })).toBeUndefined();
  });

  it('accepts a fault that, with the time to recover, took more of the round than is tolerated', () => {
    expect(explain({ disturbances: [{ kind: 'reset', from: 2_000, until: 9_400 }] })).toBeUndefined();
    expect(explain({ disturbances: [{ kind: 'reset', from: 2_000, until: 9_600 }] })).toBe('reset');
    expect(explain({ disturbances: [{ kind: 'killed', from: 13_400, until: 20_000 }] })).toBe('killed');
  });

  it('counts the overlap of two faults once', () => {
    const overlapping = ['reset', 'hang'].map((kind) => ({ kind, from: 13_600, until: 14_000 }));
    expect(explain({ disturbances: overlapping })).toBeUndefined();
    expect(explain({ disturbances: [...overlapping, { kind: 'killed', from: 13_400, until: 13_600 }] })).toBe(
      'reset and hang and killed',
    );
  });

  it('accepts damage to a chunk only if there was no time to rebuild it', () => {
    expect(explain({ damages: [{ contract: A, at: 12_500 }] })).toBe('chunk damaged too late');
    expect(explain({ damages: [{ contract: A, at: 11_500 }] })).toBeUndefined();
    expect(explain({ damages: [{ contract: 'b'.repeat(64), at: 12_500 }] })).toBeUndefined();
  });

  it('accepts that the contract is unknown to the farmer, until it should have released it', () => {
    const acknowledged = new Set<string>();
    expect(explain({ acknowledged }, { number: 0 })).toBe('contract unknown to the farmer');
    expect(explain({ acknowledged }, { number: 1 })).toBeUndefined();
  });

  it('explains a wrong answer only by faults that make a correct answer wrong', () => {
    const wrong = { result: 'wrong' } as const;
    const time = { from: 9_000, until: 13_000 };
    for (const kind of ['reject_answer', 'wrong_challenge', 'shorten_interval'])
      expect(explain({ disturbances: [{ kind, ...time }] }, wrong)).toBe(kind);
    for (const kind of ['reset', 'farmer killed', 'fixed', 'duplicate_challenge'])
      expect(explain({ disturbances: [{ kind, ...time }] }, wrong)).toBeUndefined();
    expect(explain({ damages: [{ contract: A, at: 12_500 }] }, wrong)).toBeUndefined();
    expect(explain({ acknowledged: new Set() }, { ...wrong, number: 0 })).toBeUndefined();
  });

  it('explains a wrong answer by a suspension of the farmer across the start of the round', () => {
    const explainFrozen = (from: number, until: number) =>
      explain({ disturbances: [{ kind: 'farmer frozen', from, until }] }, { result: 'wrong' });
    expect(explainFrozen(9_000, 11_000)).toBe('farmer frozen');
    expect(explainFrozen(7_000, 9_900)).toBeUndefined();
    expect(explainFrozen(10_100, 13_000)).toBeUndefined();
  });
});

describe('isFromBreakingFault', () => {
  it('returns true only for contracts accepted while a fault made them unprovable', () => {
    const disturbances = ['reset', 'wrong_hash'].map((kind, n) => ({
      kind,
      from: n * 10_000,
      until: n * 10_000 + 4_000,
    }));
    const times = [2_000, 9_900, 10_000, 14_000, 14_100];
    expect(times.filter((acceptedAt) => isFromBreakingFault(acceptedAt, disturbances))).toEqual([10_000, 14_000]);
  });
});

describe('compareSnapshots', () => {
  it('returns the rounds that elapsed', () => {
    const after = createSnapshot({ round: 5, dueAt: 6_000, results: createResults({ passed: 2 }) });
    const { elapsed, failed } = compareSnapshots(createSnapshot({}), after);
    expect(elapsed.map(({ from, until }) => ({ from, until }))).toEqual([
      { from: 3_000, until: 4_000 },
      { from: 4_000, until: 5_000 },
    ]);
    expect(failed).toEqual([]);
  });

  it('attributes unanswered challenges to the last elapsed rounds, because the first may have been answered', () => {
    const before = createSnapshot({ state: 'settled', results: createResults({ passed: 1 }) });
    const after = createSnapshot({ round: 6, dueAt: 7_000, results: createResults({ passed: 1, unanswered: 2 }) });
    expect(compareSnapshots(before, after).failed).toEqual([
      { contract: A, number: 4, from: 4_000, until: 5_000, result: 'unanswered' },
      { contract: A, number: 5, from: 5_000, until: 6_000, result: 'unanswered' },
    ]);
  });

  it('attributes a wrong answer to the round that it settled', () => {
    const after = createSnapshot({ state: 'settled', results: createResults({ wrong: 1 }) });
    expect(compareSnapshots(createSnapshot({}), after).failed).toEqual([
      { contract: A, number: 3, from: 3_000, until: 4_000, result: 'wrong' },
    ]);
  });

  it('returns all rounds of a new contract', () => {
    const after = createSnapshot({ round: 1, dueAt: 2_000, results: createResults({ unanswered: 1 }) });
    expect(compareSnapshots(undefined, after).failed).toEqual([
      { contract: A, number: 0, from: 0, until: 1_000, result: 'unanswered' },
    ]);
  });
});

describe('getLastRounds', () => {
  const missed = (number: number) => ({
    ...{ contract: A, number, from: number * 1_000, until: (number + 1) * 1_000 },
    result: 'unanswered',
  });

  it('attributes the missed challenge to the current round if it was open', () => {
    const { elapsed, failed } = getLastRounds(createSnapshot({}));
    expect(elapsed.map(({ number }) => number)).toEqual([3]);
    expect(failed).toEqual([missed(3)]);
  });

  it('attributes the missed challenge to the next round if the current one was answered', () => {
    const { elapsed, failed } = getLastRounds(createSnapshot({ state: 'settled' }));
    expect(elapsed.map(({ number }) => number)).toEqual([3, 4]);
    expect(failed).toEqual([missed(4)]);
  });
});

describe('ContractNames', () => {
  it("translates the farmer's id of a v1 contract once its number is known", () => {
    const names = new ContractNames();
    expect(names.translate({ message: 'contract accepted', contract: A, reference: 7 }).contract).toBe('7');
    expect(names.translate({ message: 'challenge passed', contract: A }).contract).toBe('7');
    expect(names.getId('7')).toBe(A);
  });

  it('keeps the hash of a contract of the prototype API', () => {
    const names = new ContractNames();
    expect(names.translate({ message: 'contract accepted', contract: A }).contract).toBe(A);
    expect(names.getId(A)).toBe(A);
  });
});

describe('ChallengeCounts', () => {
  const TIMES = { until: 100_000, settleMs: 4_000, countMs: 2_000 };

  function createCounts(node: readonly number[], farmer: readonly number[]): ChallengeCounts {
    const counts = new ChallengeCounts();
    for (const at of node) counts.countByNode(A, at);
    for (const at of farmer) counts.countByFarmer(A, at);
    return counts;
  }

  it('finds no difference if the farmer counts each pass soon after the node', () => {
    const counts = createCounts([1_000, 5_000], [1_100, 7_000]);
    expect({ ...counts.totals, differences: counts.findDifferences([], TIMES) }).toEqual({
      node: 2,
      farmer: 2,
      differences: [],
    });
  });

  it('reports a pass that the farmer did not count, unless a disturbance or the end of the run was near', () => {
    const counts = createCounts([50_000], []);
    const disturbAt = (from: number, until: number) => [{ kind: 'reset', from, until }];
    expect(counts.findDifferences(disturbAt(40_000, 45_000), TIMES)).toEqual([expect.stringContaining('1 passed')]);
    expect(counts.findDifferences(disturbAt(40_000, 47_000), TIMES)).toEqual([]);
    expect(counts.findDifferences(disturbAt(51_000, 52_000), TIMES)).toEqual([]);
    expect(counts.findDifferences([], { ...TIMES, until: 51_000 })).toEqual([]);
  });

  it('reports more passes than the node counted, even during a disturbance', () => {
    const counts = createCounts([50_000], [50_100, 50_200]);
    expect(counts.findDifferences([{ kind: 'reset', from: 0, until: 100_000 }], TIMES)).toEqual([
      expect.stringContaining('the farmer counted 2 passed, the node 1'),
    ]);
  });
});

describe('findGrowth', () => {
  const MEBIBYTE = 1024 * 1024;
  const createSamples = (create: (n: number) => Partial<ResourceSample>) =>
    Array.from({ length: 30 }, (_, n) => ({ memoryBytes: 100 * MEBIBYTE, openFiles: 50, ...create(n) }));

  it('accepts usage that varies around a level', () => {
    const samples = createSamples((n) => ({ memoryBytes: (100 + (n % 3) * 50) * MEBIBYTE, openFiles: 50 + (n % 7) }));
    expect(findGrowth(samples)).toEqual([]);
  });

  it('reports memory and open files that grow', () => {
    const samples = createSamples((n) => ({ memoryBytes: (100 + n * 4) * MEBIBYTE, openFiles: 50 + n }));
    expect(findGrowth(samples)).toEqual(['memory grew from 120 to 200 MiB', 'open files grew from 55 to 75']);
  });

  it('reports nothing after a short run', () => {
    expect(findGrowth(createSamples((n) => ({ openFiles: 50 + n * 10 })).slice(1))).toEqual([]);
  });
});

function createSnapshot(over: Partial<Snapshot>): Snapshot {
  return {
    hash: A,
    state: 'due',
    round: 3,
    intervalMs: 1_000,
    acceptedAt: 0,
    dueAt: 4_000,
    results: createResults({}),
    ...over,
  };
}

function createResults(over: Partial<Snapshot['results']>): Snapshot['results'] {
  return { passed: 0, wrong: 0, unanswered: 0, ...over };
}
