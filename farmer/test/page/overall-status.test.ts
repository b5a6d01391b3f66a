import { describe, expect, it } from '@jest/globals';
import type { NodeErrorCode } from '../../src/farming/errors.ts';
import { isResponding } from '../../src/farming/node-problem.ts';
import { assessStatus, computeWindowMs, type StatusEvidence } from '../../src/page/overall-status.ts';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;
const HEALTHY: StatusEvidence = {
  now: NOW,
  startedAt: 0,
  nodes: [
    {
      alias: 'main',
      reachable: true,
      problem: null,
      hasToken: true,
      tokenRejected: false,
      exitState: 'active',
      waiting: null,
    },
  ],
  stateSaved: true,
  failedDisks: [],
  usableDisks: 1,
  requestsFailed: 0,
  contracts: { total: 5, generating: 0 },
  intervalMs: MINUTE,
  lastPassedAt: NOW - 1_000,
  lastFailedAt: undefined,
  recent: { passed: 50, failed: 0 },
  recentMs: 10 * MINUTE,
};
const node = (but: Partial<StatusEvidence['nodes'][number]> = {}, alias = 'main') => ({
  ...{ alias, reachable: true, problem: null, hasToken: true, tokenRejected: false, exitState: 'active' as const },
  waiting: null,
  ...but,
});
const failedDisk = (state: 'quarantined' | 'read_only') => [
  { path: '/mnt/b', state, reason: 'EIO', since: 'since 08:30 UTC' },
];
const outage = (code: NodeErrorCode) => ({
  reachable: isResponding({ code }),
  problem: { code, since: 'since 08:30 UTC' },
});
const UNREACHABLE = [node({ reachable: false })];
const NO_TOKEN = [node({ reachable: false, hasToken: false })];
const assess = (changes: Partial<StatusEvidence>) => {
  const { label, severity } = assessStatus({ ...HEALTHY, ...changes });
  return `${label}, ${severity}`;
};

describe('assessStatus', () => {
  it.each<[string, Partial<StatusEvidence>]>([
    ['Healthy, ok', {}],
    ['Waiting for token, warning', { nodes: NO_TOKEN, contracts: { total: 0, generating: 0 } }],
    ['Node unreachable, critical', { nodes: UNREACHABLE, recent: { passed: 0, failed: 9 } }],
    ['Token rejected, critical', { nodes: [node({ tokenRejected: true })] }],
    [
      'Node unreachable, critical',
      { nodes: [node({ reachable: false, exitState: 'exiting' }), node({ exitState: 'exited' })] },
    ],
    ['Disk degraded, critical', { failedDisks: failedDisk('quarantined'), recent: { passed: 9, failed: 1 } }],
    ['State not saved, warning', { stateSaved: false }],
    ['Starting, info', { nodes: UNREACHABLE, startedAt: NOW - 2_000 }],
    ['Node unreachable, critical', { nodes: UNREACHABLE, startedAt: NOW - 2_000, requestsFailed: 1 }],
    ['Starting, info', { nodes: NO_TOKEN, startedAt: NOW - 2_000 }],
    ['Some nodes unreachable, warning', { nodes: [node(), ...UNREACHABLE] }],
    ['Some nodes unreachable, warning', { nodes: [node(), ...NO_TOKEN], startedAt: NOW - 2_000 }],
    ['Healthy, ok', { nodes: [node(), node({ reachable: false, exitState: 'exited' })] }],
    ['Exiting, info', { nodes: [node({ exitState: 'exiting' })] }],
    [
      'Exited, ok',
      { nodes: [node({ reachable: false, exitState: 'exited' })], contracts: { total: 0, generating: 0 } },
    ],
    ['Node unreachable, critical', { nodes: [node({ reachable: false, exitState: 'exiting' })] }],
    ['Disk degraded, critical', { failedDisks: failedDisk('quarantined'), usableDisks: 0 }],
    ['Node errors, critical', { nodes: [node(outage('http_error'))] }],
    ['Node errors, warning', { nodes: [node(), node(outage('invalid_response'), 'b')] }],
    ['Node unreachable, critical', { nodes: [node(outage('invalid_response')), node(outage('timeout'), 'b')] }],
    ['Disk degraded, warning', { failedDisks: failedDisk('quarantined') }],
    ['Disk read-only, warning', { failedDisks: failedDisk('read_only') }],
    ['Degraded, warning', { failedDisks: failedDisk('read_only'), recent: { passed: 9, failed: 1 } }],
    ['No contracts, info', { contracts: { total: 0, generating: 0 }, intervalMs: undefined }],
    ['Degraded, warning', { recent: { passed: 9, failed: 1 } }],
    ['Failing, critical', { recent: { passed: 8, failed: 1 } }],
    ['Failing, critical', { recent: { passed: 0, failed: 1 } }],
    ['Recovering, warning', { recent: { passed: 8, failed: 9 }, lastFailedAt: NOW - MINUTE - 1 }],
    ['Failing, critical', { recent: { passed: 8, failed: 9 }, lastFailedAt: NOW - MINUTE }],
    [
      'Failing, critical',
      { recent: { passed: 8, failed: 9 }, lastFailedAt: NOW - 2 * MINUTE, lastPassedAt: NOW - 3 * MINUTE },
    ],
    ['Stalled, critical', { lastPassedAt: NOW - 3 * MINUTE - 1 }],
    ['Healthy, ok', { lastPassedAt: NOW - 3 * MINUTE }],
    ['Stalled, critical', { lastPassedAt: undefined, recent: { passed: 0, failed: 0 } }],
    ['Starting, info', { lastPassedAt: undefined, recent: { passed: 0, failed: 0 }, startedAt: NOW - 2 * MINUTE }],
    [
      'Starting, info',
      { lastPassedAt: undefined, recent: { passed: 0, failed: 0 }, contracts: { total: 5, generating: 5 } },
    ],
  ])('returns %s for %j', (expected, changes) => {
    expect(assess(changes)).toBe(expected);
  });

  it('returns Healthy between challenges that are further apart than its window', () => {
    const hour = 60 * MINUTE;
    const rare = {
      intervalMs: 24 * hour,
      now: 100 * hour,
      lastPassedAt: 80 * hour,
      recent: { passed: 0, failed: 0 },
      recentMs: 12 * hour,
    };
    expect(assess(rare)).toBe('Healthy, ok');
    expect(assessStatus({ ...HEALTHY, ...rare }).explanation).toBe('No challenge was due in the last 12 hours.');
  });

  it.each<[StatusEvidence['recent']['mainReason'], string]>([
    ['wrong_answer', 'Report this to its operator'],
    ['late', 'Check the disk'],
    ['missed', 'Check for restarts'],
    ['not_challenged', 'Ask its operator'],
    ['chunk_unreadable', 'free space and capacity'],
    ['node_error', 'Check the network'],
  ])('explains the most common cause and its remedy: %s', (mainReason, remedy) => {
    const { explanation } = assessStatus({ ...HEALTHY, recent: { passed: 0, failed: 2, mainReason } });
    expect(explanation).toMatch(/^2 of 2 challenges failed in the last 10 minutes\. Most common cause: /);
    expect(explanation).toContain(remedy);
  });

  it('says why there are no contracts', () => {
    const explain = (...nodes: StatusEvidence['nodes'][number][]) =>
      assessStatus({ ...HEALTHY, nodes, contracts: { total: 0, generating: 0 } }).explanation;
    const waiting = { explanation: 'The node had no contract at the last request.' };
    expect(explain(node())).toBe('Contracts are being requested.');
    expect(explain(node({ waiting }))).toBe(waiting.explanation);
    expect(explain(node({ waiting: { explanation: 'No space.' } }, 'a'), node({ waiting }, 'b'))).toBe(
      `a: No space. b: ${waiting.explanation}`,
    );
  });

  it('says what is wrong with nodes, and since when', () => {
    const explain = (...nodes: StatusEvidence['nodes'][number][]) => assessStatus({ ...HEALTHY, nodes }).explanation;
    expect(explain(node(outage('timeout')))).toBe(
      'The node does not respond (no response in time since 08:30 UTC). Challenges due during the outage will fail. Check the network, then the node.',
    );
    expect(explain(node(outage('invalid_response')))).toMatch(
      /^The node responds, but not as expected \(a response that is not of a node since 08:30 UTC\)\./,
    );
    expect(explain(node(), node(outage('unreachable'), 'b'), node(outage('http_error'), 'c'))).toMatch(
      /^No listing from 2 of 3 nodes: b \(no connection since 08:30 UTC\) and c \(an HTTP error since 08:30 UTC\)\./,
    );
    const withoutToken = { hasToken: false };
    expect(explain(node({ ...outage('unreachable'), ...withoutToken }))).toContain("Check the node's URL");
    expect(explain(node({ ...outage('rejected'), ...withoutToken }))).toContain('Check the payout address');
  });

  it('says what is wrong with disks, since when, and what becomes of their chunks', () => {
    const failedDisks = failedDisk('quarantined');
    const explain = (changes: Partial<StatusEvidence>) =>
      assessStatus({ ...HEALTHY, failedDisks, ...changes }).explanation;
    expect(explain({ contracts: { total: 5, generating: 2 } })).toBe(
      'Cannot be used: /mnt/b (EIO, since 08:30 UTC). 2 chunks are missing; they are rebuilt on other disks while those have space and capacity. Check the disk and its mount; the farmer uses it again when it works. To use a new disk in its place, run downstream disk replace.',
    );
    expect(explain({})).toContain('No chunk is missing.');
    expect(explain({ usableDisks: 0 })).toContain('No other disk can be used: challenges fail until it works again.');
    expect(explain({ failedDisks: failedDisk('read_only') })).toMatch(
      /^Cannot be written: \/mnt\/b \(EIO, since 08:30 UTC\)\./,
    );
  });

  it.each([
    [8_000, '8 seconds'],
    [89_000, '89 seconds'],
    [4 * MINUTE, '4 minutes'],
  ])('names the period of its results if older ones are missing: %i ms', (recentMs, period) => {
    const explain = (recent: StatusEvidence['recent']) => assessStatus({ ...HEALTHY, recentMs, recent }).explanation;
    expect(explain({ passed: 68, failed: 0 })).toBe(`All 68 challenges of the last ${period} passed.`);
    expect(explain({ passed: 9, failed: 59 })).toContain(`59 of 68 challenges failed in the last ${period}.`);
    expect(explain({ passed: 0, failed: 0 })).toBe(`No challenge was due in the last ${period}.`);
  });

  it('explains the status with counts and the period', () => {
    expect(assessStatus(HEALTHY).explanation).toBe('All 50 challenges of the last 10 minutes passed.');
    expect(assessStatus({ ...HEALTHY, recent: { passed: 0, failed: 1 } }).explanation).toContain(
      '1 of 1 challenge failed in the last 10 minutes',
    );
  });
});

describe('computeWindowMs', () => {
  it('covers three intervals, between ten minutes and twelve hours', () => {
    expect([undefined, MINUTE, 60 * MINUTE, 24 * 60 * MINUTE].map((ms) => computeWindowMs(ms) / MINUTE)).toEqual([
      10, 10, 180, 720,
    ]);
  });
});
