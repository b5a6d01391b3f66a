import { describe, expect, it } from '@jest/globals';
import type { WaitReason } from '../../src/contract/waiting.ts';
import { describeWaiting, type WaitingFacts } from '../../src/status/waiting.ts';
import { STATUS } from '../fakes/status.ts';

const node = (alias: string, total: number, capacity: number): WaitingFacts['node'] => ({
  alias,
  contracts: { total, capacity, generating: 2, waiting: 0, proving: 0, answering: 0 },
});
const describeFor = (reason: WaitReason, changes: Partial<WaitingFacts> = {}) =>
  describeWaiting(reason, {
    node: node('b', 0, 4),
    others: [node('a', 8, 4)],
    disks: STATUS.disks,
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
      '60 contracts are held, which is 20 more than the configured capacity (40). They are kept and proved.',
    ],
    ['of a node whose share is used', 'share_used', { node: node('b', 4, 4) }, 'its share in FARMER_NODE_URL'],
    ['of a node whose share is too small', 'share_used', { node: node('b', 0, 0) }, 'less than one contract'],
    [
      'of a node that was added to a full farmer',
      'capacity_used',
      {},
      'a holds 4 more than its share. This node gets contracts as theirs end.',
    ],
    ['without free space', 'no_space', {}, 'beside FARMER_MIN_FREE'],
    [
      'with a failed disk',
      'no_space',
      {
        disks: [
          { path: '/a', state: 'ok' },
          { path: '/b', state: 'quarantined' },
        ],
      },
      '/b is quarantined. Repair or replace it',
    ],
    ['with a full disk', 'no_space', { disks: [{ path: '/a', state: 'full' }] }, '/a is full. Free some space there'],
    ['of a slow farmer', 'too_slow', {}, 'enough for about 40, and 70 % of that are accepted'],
    ['while chunks are generated', 'generating', {}, '2 contracts have no chunk yet'],
    [
      'during an exit from a node that does not respond',
      'exiting',
      { node: node('b', 3, 3), releaseError: 'unreachable' },
      '3 contracts remain. Their part of the capacity becomes free for other nodes as they are released. The last release failed (unreachable) and is repeated.',
    ],
    ['of a node that was never reached', 'no_token', {}, 'its share of the capacity is reserved (4 contracts)'],
    ['after an exit', 'exited', {}, 'downstream exit --node b --cancel'],
  ])('says what the node waits for and what would help: %s', (_, reason, changes, text) => {
    expect(describeFor(reason, changes)).toContain(text);
  });

  it('never suggests to give up contracts', () => {
    for (const reason of ['share_used', 'capacity_used', 'no_space', 'too_slow'] as const)
      expect(describeFor(reason)).not.toMatch(/\bexit|release\b/);
  });
});
