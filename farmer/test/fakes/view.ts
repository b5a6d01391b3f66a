import type { Contract } from '../../src/contract/contract.ts';
import type { View } from '../../src/page/view.ts';
import { waiting } from './builders.ts';
import { STATUS } from './status.ts';

const NO_JOBS = { waiting: 0, running: 0 };

/** A contract of a node, on a disk. */
export const hold = (contract: Contract, node = 'main') => ({ contract, node, disk: '/data' });

/** What the page shows of the farmer of {@link STATUS}. */
export const createView = (changes: Partial<View> = {}): View => ({
  now: 1_000_000,
  startedAt: 0,
  status: STATUS,
  overall: { label: 'Healthy', severity: 'ok', explanation: 'All challenges passed.' },
  intervalMs: 60_000,
  lastPassedAt: 990_000,
  completeSince: 0,
  spans: [{ from: 0, minutes: 1, passed: 3, failed: 1, minSlackMs: -50 }],
  nextContracts: [hold({ ...waiting(), round: { number: 0, issuedAt: 1_000_000 } })],
  queues: { chunks: NO_JOBS, answers: NO_JOBS },
  workers: { size: 2, busy: 1 },
  requests: new Map([['main', { total: 7, failed: 0, lastResponseAt: 999_000, lastFailure: undefined }]]),
  log: [{ level: 'warn', text: '08:00:00 warn  challenge failed' }],
  ...changes,
});
