import { describe, expect, it } from '@jest/globals';
import { assessStatus, type StatusEvidence, windowMs } from '../../src/page/overall-status.ts';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;
const WELL: StatusEvidence = {
  now: NOW,
  startedAt: 0,
  nodes: [{ alias: 'main', reachable: true, hasToken: true, tokenRejected: false, leaving: 'no' }],
  stateSaved: true,
  failedDisks: [],
  requestsFailed: 0,
  contracts: { total: 5, generating: 0 },
  intervalMs: MINUTE,
  lastPassedAt: NOW - 1_000,
  lastFailedAt: undefined,
  recent: { passed: 50, failed: 0 },
};
const node = (but: Partial<StatusEvidence['nodes'][number]> = {}, alias = 'main') => ({
  ...{ alias, reachable: true, hasToken: true, tokenRejected: false, leaving: 'no' as const },
  ...but,
});
const AWAY = [node({ reachable: false })];
const NO_TOKEN = [node({ reachable: false, hasToken: false })];
const verdict = (but: Partial<StatusEvidence>) => {
  const { word, tone } = assessStatus({ ...WELL, ...but });
  return `${word}, ${tone}`;
};

describe('the verdict is', () => {
  it.each<[string, Partial<StatusEvidence>]>([
    ['Passing, calm', {}],
    ['Waiting, worse', { nodes: NO_TOKEN, contracts: { total: 0, generating: 0 } }],
    ['Cut off, bad', { nodes: AWAY, recent: { passed: 0, failed: 9 } }],
    ['Denied, bad', { nodes: [node({ tokenRejected: true })] }],
    ['Cut off, bad', { nodes: [node({ reachable: false, leaving: 'leaving' }), node({ leaving: 'left' })] }],
    ['Disk failing, bad', { failedDisks: ['/mnt/b'], recent: { passed: 9, failed: 1 } }],
    ['Disk failing, worse', { stateSaved: false }],
    ['Preparing, busy', { nodes: AWAY, startedAt: NOW - 2_000 }],
    ['Cut off, bad', { nodes: AWAY, startedAt: NOW - 2_000, requestsFailed: 1 }],
    ['Preparing, busy', { nodes: NO_TOKEN, startedAt: NOW - 2_000 }],
    ['Partly cut off, worse', { nodes: [node(), ...AWAY] }],
    ['Partly cut off, worse', { nodes: [node(), ...NO_TOKEN], startedAt: NOW - 2_000 }],
    ['Passing, calm', { nodes: [node(), node({ reachable: false, leaving: 'left' })] }],
    ['Leaving, busy', { nodes: [node({ leaving: 'leaving' })] }],
    ['Left, calm', { nodes: [node({ reachable: false, leaving: 'left' })], contracts: { total: 0, generating: 0 } }],
    ['Cut off, bad', { nodes: [node({ reachable: false, leaving: 'leaving' })] }],
    ['Disk failing, worse', { failedDisks: ['/mnt/b'] }],
    ['Idle, busy', { contracts: { total: 0, generating: 0 }, intervalMs: undefined }],
    ['Faltering, worse', { recent: { passed: 9, failed: 1 } }],
    ['Failing, bad', { recent: { passed: 8, failed: 1 } }],
    ['Failing, bad', { recent: { passed: 0, failed: 1 } }],
    ['Recovering, worse', { recent: { passed: 8, failed: 9 }, lastFailedAt: NOW - MINUTE - 1 }],
    ['Failing, bad', { recent: { passed: 8, failed: 9 }, lastFailedAt: NOW - MINUTE }],
    [
      'Failing, bad',
      { recent: { passed: 8, failed: 9 }, lastFailedAt: NOW - 2 * MINUTE, lastPassedAt: NOW - 3 * MINUTE },
    ],
    ['Stalled, bad', { lastPassedAt: NOW - 3 * MINUTE - 1 }],
    ['Passing, calm', { lastPassedAt: NOW - 3 * MINUTE }],
    ['Stalled, bad', { lastPassedAt: undefined, recent: { passed: 0, failed: 0 } }],
    ['Preparing, busy', { lastPassedAt: undefined, recent: { passed: 0, failed: 0 }, startedAt: NOW - 2 * MINUTE }],
    [
      'Preparing, busy',
      { lastPassedAt: undefined, recent: { passed: 0, failed: 0 }, contracts: { total: 5, generating: 5 } },
    ],
  ])('%s where %j', (expected, but) => {
    expect(verdict(but)).toBe(expected);
  });

  it('calm between challenges that are further apart than it looks back', () => {
    const hour = 60 * MINUTE;
    const seldom = {
      intervalMs: 24 * hour,
      now: 100 * hour,
      lastPassedAt: 80 * hour,
      recent: { passed: 0, failed: 0 },
    };
    expect(verdict(seldom)).toBe('Passing, calm');
    expect(assessStatus({ ...WELL, ...seldom }).sentence).toBe(
      'Nothing failed; no challenge fell due in the last 12 hours.',
    );
  });

  it.each<[StatusEvidence['recent']['mostly'], string]>([
    ['wrong_answer', 'tell its operator'],
    ['late', 'a faster disk'],
    ['missed', 'look at restarts'],
    ['not_challenged', 'ask its operator'],
    ['chunk_unreadable', 'check the disk'],
    ['node_error', 'check the network'],
  ])('given with what to do about most failures: %s', (mostly, said) => {
    const { sentence } = assessStatus({ ...WELL, recent: { passed: 0, failed: 2, mostly } });
    expect(sentence).toMatch(/^2 of 2 challenges failed in the last 10 minutes, mostly because /);
    expect(sentence).toContain(said);
  });

  it('given with the names of the nodes that are away, and of the disks that failed', () => {
    const two = [node({ reachable: false }, 'b'), node({ reachable: false }, 'c')];
    expect(assessStatus({ ...WELL, nodes: [node(), ...two] }).sentence).toContain('Of 3 nodes b and c do not answer.');
    expect(assessStatus({ ...WELL, failedDisks: ['/mnt/b'] }).sentence).toContain('/mnt/b');
  });

  it('given with a sentence that has the figures', () => {
    expect(assessStatus(WELL).sentence).toBe('All 50 challenges of the last 10 minutes passed on time.');
    expect(assessStatus({ ...WELL, recent: { passed: 0, failed: 1 } }).sentence).toContain(
      '1 of 1 challenge failed in the last 10 minutes',
    );
  });

  it('reached from three intervals, from ten minutes to twelve hours', () => {
    expect([undefined, MINUTE, 60 * MINUTE, 24 * 60 * MINUTE].map((ms) => windowMs(ms) / MINUTE)).toEqual([
      10, 10, 180, 720,
    ]);
  });
});
