import { describe, expect, it } from '@jest/globals';
import { assessStatus, computeWindowMs, type StatusEvidence } from '../../src/page/overall-status.ts';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;
const HEALTHY: StatusEvidence = {
  now: NOW,
  startedAt: 0,
  nodes: [{ alias: 'main', reachable: true, hasToken: true, tokenRejected: false, exitState: 'active' }],
  stateSaved: true,
  quarantinedDisks: [],
  readOnlyDisks: [],
  requestsFailed: 0,
  contracts: { total: 5, generating: 0 },
  intervalMs: MINUTE,
  lastPassedAt: NOW - 1_000,
  lastFailedAt: undefined,
  recent: { passed: 50, failed: 0 },
};
const node = (but: Partial<StatusEvidence['nodes'][number]> = {}, alias = 'main') => ({
  ...{ alias, reachable: true, hasToken: true, tokenRejected: false, exitState: 'active' as const },
  ...but,
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
    ['Disk degraded, critical', { quarantinedDisks: ['/mnt/b'], recent: { passed: 9, failed: 1 } }],
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
    ['Disk degraded, warning', { quarantinedDisks: ['/mnt/b'] }],
    ['Disk read-only, warning', { readOnlyDisks: ['/mnt/b'] }],
    ['Degraded, warning', { readOnlyDisks: ['/mnt/b'], recent: { passed: 9, failed: 1 } }],
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
    };
    expect(assess(rare)).toBe('Healthy, ok');
    expect(assessStatus({ ...HEALTHY, ...rare }).explanation).toBe('No challenge was due in the last 12 hours.');
  });

  it.each<[StatusEvidence['recent']['mainReason'], string]>([
    ['wrong_answer', 'Report this to its operator'],
    ['late', 'Use a faster disk'],
    ['missed', 'Check for restarts'],
    ['not_challenged', 'Ask its operator'],
    ['chunk_unreadable', 'Check the disk'],
    ['node_error', 'Check the network'],
  ])('explains the most common cause and its remedy: %s', (mainReason, remedy) => {
    const { explanation } = assessStatus({ ...HEALTHY, recent: { passed: 0, failed: 2, mainReason } });
    expect(explanation).toMatch(/^2 of 2 challenges failed in the last 10 minutes\. Most common cause: /);
    expect(explanation).toContain(remedy);
  });

  it('names unreachable nodes and failed disks', () => {
    const two = [node({ reachable: false }, 'b'), node({ reachable: false }, 'c')];
    expect(assessStatus({ ...HEALTHY, nodes: [node(), ...two] }).explanation).toContain(
      'b and c (2 of 3 nodes) do not respond.',
    );
    expect(assessStatus({ ...HEALTHY, quarantinedDisks: ['/mnt/b'] }).explanation).toContain('/mnt/b');
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
