import type { PresetName, ScenarioInput } from '@downstream/control-api';

export const PRESETS = [
  {
    name: 'flaky',
    description: 'One request in ten fails: a reset, a 503, a lost response or a slow one.',
    faults: [
      { name: 'flaky-reset', probability: 0.03, effect: 'reset' },
      { name: 'flaky-503', probability: 0.03, effect: { kind: 'status', status: 503, retryAfterSeconds: 1 } },
      { name: 'flaky-lost-response', probability: 0.02, effect: 'drop_response' },
      { name: 'flaky-slow', probability: 0.02, effect: { kind: 'uniform', minMs: 500, maxMs: 2_000 } },
    ],
  },
  {
    name: 'slow',
    description: 'Responses take some hundred milliseconds, sometimes seconds. One in twenty arrives in small pieces.',
    faults: [
      { name: 'slow-delay', effect: { kind: 'lognormal', medianMs: 300, sigma: 0.8, maxMs: 10_000 } },
      { name: 'slow-dribble', probability: 0.05, effect: { kind: 'dribble', pieces: 10, overMs: 3_000 } },
    ],
  },
  {
    name: 'offline',
    description: 'The node refuses all connections.',
    faults: [{ name: 'offline', effect: { kind: 'refuse', forMs: 30_000 } }],
  },
  {
    name: 'forgetful',
    description: 'The node occasionally forgets a farmer, a contract or everything.',
    faults: [
      {
        name: 'forgetful-contract',
        match: { route: ['due', 'v1_challenge'] },
        probability: 0.05,
        effect: 'expire_contract',
      },
      {
        name: 'forgetful-token',
        match: { route: ['due', 'v1_challenge'] },
        skip: 20,
        probability: 0.01,
        effect: 'revoke_token',
      },
      {
        name: 'forgetful-all',
        match: { route: ['due', 'v1_challenge'] },
        skip: 50,
        probability: 0.005,
        effect: 'forget_all',
      },
    ],
  },
  {
    name: 'tight-deadlines',
    description: 'Intervals are a quarter of the configured length, and responses are slow.',
    faults: [
      { name: 'tight-interval', effect: { kind: 'shorten_interval', factor: 0.25, announced: true } },
      { name: 'tight-delay', effect: { kind: 'uniform', minMs: 50, maxMs: 400 } },
    ],
  },
  {
    name: 'hostile',
    description: 'The node violates the protocol and sends malformed responses.',
    faults: [
      { name: 'hostile-hash', probability: 0.2, effect: 'wrong_hash' },
      {
        name: 'hostile-challenge',
        match: { route: ['due', 'v1_challenge'] },
        probability: 0.02,
        effect: 'wrong_challenge',
      },
      { name: 'hostile-duplicate', probability: 0.2, effect: 'duplicate_challenge' },
      { name: 'hostile-verdict', probability: 0.05, effect: 'reject_answer' },
      { name: 'hostile-clock', effect: { kind: 'clock_skew', ms: -3_600_000 } },
      { name: 'hostile-garbage', probability: 0.03, effect: 'garbage' },
      { name: 'hostile-noise', probability: 0.03, effect: { kind: 'garbage', replaces: 'response' } },
      { name: 'hostile-json', probability: 0.03, effect: 'malformed_json' },
      { name: 'hostile-half', probability: 0.03, effect: 'truncate' },
      { name: 'hostile-flood', probability: 0.01, effect: { kind: 'oversize', bytes: 64 * 1024 * 1024 } },
      {
        name: 'hostile-redirect',
        probability: 0.02,
        effect: { kind: 'redirect', location: 'http://169.254.169.254/' },
      },
      { name: 'hostile-type', probability: 0.1, effect: 'wrong_content_type' },
    ],
  },
  {
    name: 'hostile-v1',
    description: 'The node violates the v1 API: malformed tags, ids and deadlines, and false reports.',
    faults: [
      { name: 'v1-tag', probability: 0.1, effect: 'wrong_tag' },
      { name: 'v1-order', probability: 0.1, effect: 'malformed_tag' },
      { name: 'v1-nodes', probability: 0.1, effect: { kind: 'malformed_tag', shape: 'missing_nodes' } },
      { name: 'v1-count', probability: 0.1, effect: { kind: 'malformed_tag', shape: 'huge_count' } },
      { name: 'v1-large-tag', probability: 0.05, effect: 'large_tag' },
      { name: 'v1-size', probability: 0.1, effect: 'exceed_size' },
      { name: 'v1-due', probability: 0.05, effect: 'wrong_due' },
      { name: 'v1-nan', probability: 0.02, effect: { kind: 'wrong_due', due: 'nan' } },
      { name: 'v1-id', probability: 0.05, effect: 'wrong_id' },
      { name: 'v1-path', probability: 0.05, effect: { kind: 'wrong_id', id: 'path' } },
      { name: 'v1-empty-challenge', probability: 0.1, effect: 'empty_challenge' },
      { name: 'v1-expired', probability: 0.02, effect: 'false_report' },
      { name: 'v1-scheme', probability: 0.1, effect: 'unknown_scheme' },
      { name: 'v1-prime', probability: 0.1, effect: { kind: 'wrong_prime', bits: 100_000 } },
      { name: 'v1-lost-answer', match: { route: 'v1_answer' }, probability: 0.1, effect: 'drop_response' },
    ],
  },
  {
    name: 'lost-answers',
    description: 'One response in three to an answer is lost, after the node has counted the answer.',
    faults: [
      {
        name: 'lost-answers',
        match: { route: ['challenge', 'v1_answer'] },
        probability: 1 / 3,
        effect: 'drop_response',
      },
    ],
  },
] as const satisfies readonly (ScenarioInput & { name: PresetName })[];
