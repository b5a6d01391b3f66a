import { describe, expect, it } from '@jest/globals';
import { type Circumstances, FailureExplainer, isFromBreakingFault } from '../src/failure-explainer.ts';
import { between, type Entry, type FailedRound } from '../src/rounds.ts';

const A = 'a'.repeat(64);
const ALLOWANCE = { settleMs: 1_000, disturbedMs: 500, repairMs: 2_000, unknownContractRounds: 1 };
const ROUND = { contract: A, number: 2, from: 10_000, until: 14_000 };

function excuse(circumstances: Partial<Circumstances>, round: Partial<FailedRound> = {}): string | undefined {
  const all = { disturbances: [], harms: [], acknowledged: new Set([A]), ...circumstances };
  return new FailureExplainer(ALLOWANCE, all).explain({ ...ROUND, result: 'unanswered', ...round });
}

describe('the judge of failed challenges', () => {
  it('excuses nothing in a round without a fault', () => {
    expect(excuse({})).toBeUndefined();
    expect(excuse({ disturbances: [{ kind: 'reset', from: 2_000, until: 9_000 }] })).toBeUndefined();
    expect(excuse({ disturbances: [{ kind: 'reset', from: 14_000, until: 15_000 }] })).toBeUndefined();
  });

  it('excuses a round that was disturbed for longer than is allowed, the time to settle included', () => {
    expect(excuse({ disturbances: [{ kind: 'reset', from: 2_000, until: 9_400 }] })).toBeUndefined();
    expect(excuse({ disturbances: [{ kind: 'reset', from: 2_000, until: 9_600 }] })).toBe('reset');
    expect(excuse({ disturbances: [{ kind: 'killed', from: 13_400, until: 20_000 }] })).toBe('killed');
  });

  it('counts what two faults share only once', () => {
    const twice = ['reset', 'hang'].map((kind) => ({ kind, from: 13_600, until: 14_000 }));
    expect(excuse({ disturbances: twice })).toBeUndefined();
    expect(excuse({ disturbances: [...twice, { kind: 'killed', from: 13_400, until: 13_600 }] })).toBe(
      'reset and hang and killed',
    );
  });

  it('takes damage for an excuse only where there was no time to make the chunk again', () => {
    expect(excuse({ harms: [{ contract: A, at: 12_500 }] })).toBe('chunk damaged too late');
    expect(excuse({ harms: [{ contract: A, at: 11_500 }] })).toBeUndefined();
    expect(excuse({ harms: [{ contract: 'b'.repeat(64), at: 12_500 }] })).toBeUndefined();
  });

  it('does not hold a farmer to a contract that it never heard of, unless it does not give it back', () => {
    const acknowledged = new Set<string>();
    expect(excuse({ acknowledged }, { number: 0 })).toBe('the farmer never heard of the contract');
    expect(excuse({ acknowledged }, { number: 1 })).toBeUndefined();
  });

  it('takes for an excuse of a wrong answer only what makes a right one wrong', () => {
    const wrong = { result: 'wrong' } as const;
    const time = { from: 9_000, until: 13_000 };
    for (const kind of ['reject_answer', 'wrong_challenge', 'shorten_interval'])
      expect(excuse({ disturbances: [{ kind, ...time }] }, wrong)).toBe(kind);
    for (const kind of ['reset', 'farmer killed', 'fixed', 'duplicate_challenge'])
      expect(excuse({ disturbances: [{ kind, ...time }] }, wrong)).toBeUndefined();
    expect(excuse({ harms: [{ contract: A, at: 12_500 }] }, wrong)).toBeUndefined();
    expect(excuse({ acknowledged: new Set() }, { ...wrong, number: 0 })).toBeUndefined();
  });

  it('lets an answer come too late that was held up until its round was over', () => {
    const frozen = (from: number, until: number) =>
      excuse({ disturbances: [{ kind: 'farmer frozen', from, until }] }, { result: 'wrong' });
    expect(frozen(9_000, 11_000)).toBe('farmer frozen');
    expect(frozen(7_000, 9_900)).toBeUndefined();
    expect(frozen(10_100, 13_000)).toBeUndefined();
  });

  it('lets only those contracts be given up that were taken while the node spoilt them', () => {
    const disturbances = ['reset', 'wrong_hash'].map((kind, at) => ({
      kind,
      from: at * 10_000,
      until: at * 10_000 + 4_000,
    }));
    expect(
      [2_000, 9_900, 10_000, 14_000, 14_100].filter((acceptedAt) => isFromBreakingFault(acceptedAt, disturbances)),
    ).toEqual([10_000, 14_000]);
  });
});

describe("two looks at the node's books", () => {
  const entry = (over: Partial<Entry>): Entry => ({
    hash: A,
    state: 'due',
    round: 3,
    intervalMs: 1_000,
    acceptedAt: 0,
    dueAt: 4_000,
    results: { passed: 0, wrong: 0, unanswered: 0 },
    ...over,
  });

  it('show the rounds that went by between them', () => {
    const { over, failed } = between(entry({}), entry({ round: 5, dueAt: 6_000, results: results({ passed: 2 }) }));
    expect(over.map(({ from, until }) => [from, until])).toEqual([
      [3_000, 4_000],
      [4_000, 5_000],
    ]);
    expect(failed).toEqual([]);
  });

  it('show which of them went unanswered: the first may have had its answer', () => {
    const before = entry({ state: 'settled', results: results({ passed: 1 }) });
    const after = entry({ round: 6, dueAt: 7_000, results: results({ passed: 1, unanswered: 2 }) });
    expect(between(before, after).failed).toEqual([
      { contract: A, number: 4, from: 4_000, until: 5_000, result: 'unanswered' },
      { contract: A, number: 5, from: 5_000, until: 6_000, result: 'unanswered' },
    ]);
  });

  it('show a wrong answer in the round that it settled', () => {
    const after = entry({ state: 'settled', results: results({ wrong: 1 }) });
    expect(between(entry({}), after).failed).toEqual([
      { contract: A, number: 3, from: 3_000, until: 4_000, result: 'wrong' },
    ]);
  });

  it('show all that happened to a contract that was not there before', () => {
    const after = entry({ round: 1, dueAt: 2_000, results: results({ unanswered: 1 }) });
    expect(between(undefined, after).failed).toEqual([
      { contract: A, number: 0, from: 0, until: 1_000, result: 'unanswered' },
    ]);
  });
});

function results(over: Partial<Entry['results']>): Entry['results'] {
  return { passed: 0, wrong: 0, unanswered: 0, ...over };
}
