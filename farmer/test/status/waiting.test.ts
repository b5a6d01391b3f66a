import { describe, expect, it } from '@jest/globals';
import type { DiskStateKind } from '../../src/chunks/disk-state.ts';
import type { WaitReason } from '../../src/contract/waiting.ts';
import { describeWaiting, type WaitingFacts } from '../../src/status/waiting.ts';

const MIB = 1024 ** 2;
/** A node with chunks of 1 MiB. */
const node = (alias: string, total: number, capacity: number): WaitingFacts['node'] => ({
  alias,
  contracts: { total, capacity, generating: 2, waiting: 0, proving: 0, answering: 0 },
  bytes: { used: total * MIB, capacity: capacity * MIB },
});
const disk = (path: string, state: DiskStateKind, { usedBytes = 0, freeBytes = MIB } = {}) => ({
  ...{ path, state, freeBytes },
  bytes: { used: usedBytes, capacity: 10 * MIB },
});
const describeFor = (reason: WaitReason, changes: Partial<WaitingFacts> = {}) =>
  describeWaiting(reason, {
    node: node('b', 0, 4),
    others: [node('a', 8, 4)],
    disks: [disk('/data', 'ok')],
    minFreeBytes: MIB,
    requestedBytes: undefined,
    releaseError: undefined,
    capacityEstimate: 40,
    ...changes,
  });

describe('describeWaiting', () => {
  it.each<[string, WaitReason, Partial<WaitingFacts>, string]>([
    ['of a full farmer with one node', 'share_used', { node: node('b', 8, 8), others: [] }, 'FARMER_SIZE'],
    [
      'of a farmer whose capacity was reduced',
      'share_used',
      { node: node('b', 60, 40), others: [] },
      'What is held (60 contracts, 60 MiB) is 20 MiB more than the configured capacity (40 MiB). It is kept and proved.',
    ],
    ['of a node whose share is used', 'share_used', { node: node('b', 4, 4) }, 'its share in FARMER_NODE_URL'],
    [
      'of a node that has no chunk as small as the rest',
      'share_used',
      { node: { ...node('b', 3, 4), bytes: { used: 3 * MIB, capacity: 3.5 * MIB } } },
      "All of the node's share of the capacity is used (3 contracts, 3 MiB), except for 512 KiB, too little for another",
    ],
    ['of a node whose share is too small', 'share_used', { node: node('b', 0, 0) }, 'less than one contract'],
    [
      'of a node that was added to a full farmer',
      'capacity_used',
      {},
      'a holds 4 MiB more than its share. This node gets contracts as theirs end.',
    ],
    ['without free space', 'no_space', {}, 'beside FARMER_MIN_FREE'],
    [
      'without free space for tags',
      'no_space',
      { disks: [disk('/a', 'ok'), disk('/b', 'ok', { freeBytes: 20 * MIB })] },
      'No more than FARMER_MIN_FREE is free in /a, which also holds the tags of all chunks. Free some space there.',
    ],
    [
      'of disks that each have some capacity left',
      'no_space',
      { disks: ['/a', '/b'].map((path) => disk(path, 'ok', { usedBytes: 9.5 * MIB, freeBytes: 1.5 * MIB })) },
      'All of the configured capacity is used, except for what is left on each disk',
    ],
    [
      'with a failed disk',
      'no_space',
      { disks: [disk('/a', 'ok', { usedBytes: 10 * MIB }), disk('/b', 'quarantined')] },
      '/b is quarantined. Repair or replace it',
    ],
    ['with a full disk', 'no_space', { disks: [disk('/a', 'full')] }, '/a is full. Free some space there'],
    ['of a slow farmer', 'too_slow', {}, 'enough for about 40, and 70 % of that are accepted'],
    ['while chunks are generated', 'generating', {}, '4 contracts have no chunk yet'],
    ['for an offer', 'no_offer', {}, 'The node had no contract at the last request.'],
    [
      'for an offer of a certain size',
      'no_offer',
      { requestedBytes: 5 * MIB },
      'The node had no contract of at most 5 MiB at the last request.',
    ],
    [
      'during an exit from a node that does not respond',
      'exiting',
      { node: node('b', 3, 3), releaseError: 'unreachable' },
      '3 contracts remain. Their part of the capacity becomes free for other nodes as they end. The last release failed (unreachable) and is repeated.',
    ],
    ['of a node that was never reached', 'no_token', {}, 'its share of the capacity is reserved (4 MiB)'],
    ['after an exit', 'exited', {}, 'downstream exit --node b --cancel'],
  ])('says what the node waits for and what would help: %s', (_, reason, changes, text) => {
    expect(describeFor(reason, changes)).toContain(text);
  });

  it('never suggests to give up contracts', () => {
    for (const reason of ['share_used', 'capacity_used', 'no_space', 'too_slow'] as const)
      expect(describeFor(reason)).not.toMatch(/\bexit|release\b/);
  });
});
