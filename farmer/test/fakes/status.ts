import { EMPTY_TALLY } from '../../src/farming/ports.ts';
import { toChallengeTotals } from '../../src/status/read-status.ts';
import type { Status } from '../../src/status/status.ts';

/** A farmer with one node, one disk and one contract. */
export const STATUS: Status = {
  alias: 'here',
  version: '1',
  commit: '858913b1a2b3',
  uptimeSeconds: 1_000,
  address: 'a',
  contracts: { total: 1, capacity: 2, capacityEstimate: 40, generating: 0, waiting: 1, proving: 0, answering: 0 },
  nodes: [
    {
      alias: 'main',
      url: 'http://node',
      reachable: true,
      problem: null,
      circuitOpen: false,
      tokenRejected: false,
      exitState: 'active',
      ended: { ended_by_node: 0, completed: 0, token_lost: 0, released: 0 },
      clockSkewSeconds: null,
      farmerId: 'f'.repeat(20),
      contracts: { total: 1, capacity: 2, generating: 0, waiting: 1, proving: 0, answering: 0 },
      bytes: { used: 1024, capacity: 4096 },
      waiting: null,
      nextDue: null,
      challenges: toChallengeTotals(EMPTY_TALLY),
    },
  ],
  stateSaved: true,
  repairs: { lost: 0, rebuilt: 0, rebuilding: 0 },
  disks: [
    {
      path: '/data',
      state: 'ok',
      reason: null,
      since: null,
      bytes: { used: 1024, capacity: 4096 },
      freeBytes: 8_000,
      sizeBytes: 10_000,
    },
  ],
  scrub: {
    running: false,
    completedAt: null,
    results: { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
  },
  bytes: { used: 1024, capacity: 4096 },
  nextDue: new Date(1_060_000).toISOString(),
  results: { since: new Date(0).toISOString(), unknown: [] },
  challenges: toChallengeTotals({
    passed: 3,
    wrong_answer: 1,
    late: 0,
    missed: 2,
    not_challenged: 0,
    chunk_unreadable: 0,
    node_error: 0,
  }),
};
