import { describe, expect, it } from '@jest/globals';
import { RequestStats } from '../../src/status/request-stats.ts';

describe('the tally of requests', () => {
  it('counts, keeps the last failure, and knows when the node replied, if only to refuse', () => {
    const tally = new RequestStats();
    tally.note({ route: 'due', outcome: 'ok' }, 1);
    tally.note({ route: 'challenge', outcome: 'no_hash' }, 2);
    tally.note({ route: 'due', outcome: 'timeout' }, 3);
    expect(tally.summary).toEqual({
      asked: 3,
      failed: 2,
      answeredAt: 2,
      lastFailure: { route: 'due', outcome: 'timeout', at: 3 },
    });
  });

  it('takes a download from elsewhere for no word of the node', () => {
    const tally = new RequestStats();
    tally.note({ route: 'download', outcome: 'ok' }, 1);
    expect(tally.summary.answeredAt).toBeUndefined();
  });
});
