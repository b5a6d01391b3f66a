import { describe, expect, it } from '@jest/globals';
import type { Contract } from '../../src/contract/contract.ts';
import { addLostTime, checkAgainstListing, isEarly, suspectLoss } from '../../src/contract/lost-time.ts';
import { answering, INTERVAL_MS, makeId, T0, waiting } from '../fakes/builders.ts';

const HOUR = 3_600_000;
const around = (ms: number) => ({ minMs: ms - 500, maxMs: ms + 500 });

describe('suspectLoss', () => {
  it.each([
    ['nothing jumped', 500, 300, undefined],
    ['both clocks jumped by the same time', 30_000, 29_600, { ms: 30_000, isDoubtful: false }],
    ['the system clock jumped further', HOUR, 30_000, { ms: 30_000, isDoubtful: false }],
    ["the node's clock jumped further", 30_000, HOUR, { ms: 30_000, isDoubtful: false }],
    ['only the system clock jumped', HOUR, 0, undefined],
    ["only the node's clock jumped", 0, 30_000, { ms: 30_000, isDoubtful: true }],
    ["only the node's clock jumped, and the system clock went back", -HOUR, 30_000, { ms: 30_000, isDoubtful: true }],
    ['the system clock went back', -HOUR, 0, undefined],
    ['the node has no clock', 30_000, undefined, { ms: 30_000, isDoubtful: true }],
  ])('if %s', (_, wallMs, nodeMs, expected) => {
    const node = (ms: number) => (nodeMs === undefined ? undefined : around(ms));
    expect(
      suspectLoss({ wallMs: 7, node: node(90_000) }, { wallMs: 7 + wallMs, node: node(90_000 + (nodeMs ?? 0)) }),
    ).toEqual(expected);
  });
});

describe('isEarly', () => {
  const now = T0 + INTERVAL_MS / 2;

  it.each<[string, Contract, string, boolean]>([
    ['a new challenge before the open one is due', answering('0.1'), '0.2', true],
    ['the open challenge', answering('0.1'), '0.1', false],
    ['a new challenge before the next round', waiting(1), '0.2', true],
    ['the challenge of the settled round', { ...waiting(1), settled: '0.1' }, '0.1', false],
    ['the challenge of the current round', waiting(0), '0.1', false],
  ])('decides for %s', (_, contract, listed, expected) => {
    expect(isEarly(contract, listed, now)).toBe(expected);
  });

  it('tolerates clocks that differ a little', () => {
    expect(isEarly(answering('0.1'), '0.2', T0 + INTERVAL_MS - 1_900)).toBe(false);
  });
});

describe('checkAgainstListing', () => {
  const now = T0 + INTERVAL_MS / 2;
  const check = (lostMs: number, contracts: readonly Contract[], challenge: string | undefined) =>
    checkAgainstListing(lostMs, {
      contracts,
      open: new Map(challenge === undefined ? [] : [[makeId(1), challenge]]),
      now,
    });

  it.each<[string, number, readonly Contract[], string | undefined, boolean | undefined]>([
    ['proves lost rounds with new challenges', 30_000 + INTERVAL_MS, [answering('0.1')], '0.9', true],
    ['disproves them with the same challenge', HOUR, [answering('0.1')], '0.1', false],
    ['disproves them without a challenge', HOUR, [waiting(1)], undefined, false],
    ['decides nothing if no round would be over', 10_000, [answering('0.1')], '0.1', undefined],
    ['decides nothing without contracts', HOUR, [], undefined, undefined],
  ])('%s', (_, lostMs, contracts, challenge, expected) => {
    expect(check(lostMs, contracts, challenge)).toBe(expected);
  });
});

describe('addLostTime', () => {
  it('moves the round and the stages of its challenge back', () => {
    const contract = { ...answering(), timeline: { receivedAt: T0 + 10, sentAt: undefined, attempts: 2 } };
    expect(addLostTime(contract, 1_000)).toEqual({
      ...contract,
      round: { number: 0, issuedAt: T0 - 1_000 },
      timeline: { receivedAt: T0 - 990, attempts: 2 },
    });
  });
});
