import { describe, expect, it } from '@jest/globals';
import { RequestStats } from '../../src/status/request-stats.ts';

describe('RequestStats', () => {
  it('counts requests and keeps the last failure and the time of the last response', () => {
    const stats = new RequestStats();
    stats.record({ route: 'due', outcome: 'ok' }, 1);
    stats.record({ route: 'challenge', outcome: 'no_hash' }, 2);
    stats.record({ route: 'due', outcome: 'timeout' }, 3);
    expect(stats.summary).toEqual({
      total: 3,
      failed: 2,
      lastResponseAt: 2,
      lastFailure: { route: 'due', outcome: 'timeout', at: 3 },
    });
  });

  it('does not count a download as a response of the node', () => {
    const stats = new RequestStats();
    stats.record({ route: 'download', outcome: 'ok' }, 1);
    expect(stats.summary.lastResponseAt).toBeUndefined();
  });
});
