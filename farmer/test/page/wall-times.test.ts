import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import type { View } from '../../src/page/view.ts';
import { toWallTimes } from '../../src/page/wall-times.ts';
import { T0, waiting } from '../fakes/builders.ts';
import { STATUS } from '../fakes/status.ts';

const HOUR = 3_600_000;
const NO_JOBS = { waiting: 0, running: 0 };

const createView = (aheadMs: number): View => ({
  now: T0 + aheadMs,
  startedAt: T0 - 5_000 + aheadMs,
  status: STATUS,
  overall: { label: 'Healthy', severity: 'ok', explanation: 'All challenges passed.' },
  intervalMs: 60_000,
  lastPassedAt: T0 - 1_000 + aheadMs,
  completeSince: T0 - 9_000 + aheadMs,
  spans: [{ from: T0 - 60_000 + aheadMs, minutes: 1, passed: 3, failed: 1, minSlackMs: -50 }],
  nextContracts: [
    {
      contract: { ...waiting(), round: { number: 0, issuedAt: T0 + 1 + aheadMs } },
      node: 'main',
      disk: '/data',
    },
  ],
  queues: { chunks: NO_JOBS, answers: NO_JOBS },
  workers: { size: 2, busy: 1 },
  requests: new Map([
    [
      'main',
      {
        total: 7,
        failed: 1,
        lastResponseAt: T0 - 2 + aheadMs,
        lastFailure: { route: 'due', outcome: 'timeout', at: T0 - 3 + aheadMs },
      },
    ],
  ]),
  log: [],
});

describe('toWallTimes', () => {
  it.each([HOUR, -HOUR])('converts every time if the system clock was set by %i ms since the start', (byMs) => {
    const clock = new FakeClock(T0);
    clock.wallOffsetMs = byMs + 7;
    expect(toWallTimes(createView(0), clock)).toEqual(createView(byMs));
  });

  it('keeps times that differ less than can be seen', () => {
    const clock = new FakeClock(T0);
    clock.wallOffsetMs = 900;
    expect(toWallTimes(createView(0), clock)).toEqual(createView(0));
  });
});
