import { type Catalogue, MetricSet, type Scrape } from '@downstream/platform';
import { CHALLENGE_RESULTS, type ChallengeResult } from './ledger/ledger.ts';

/** Every metric of the mock node, declared here and nowhere else; docs/metrics.md is made from it. */
export const MOCK_METRICS = {
  requests: {
    type: 'counter',
    name: 'mock_node_requests_total',
    unit: 'requests',
    question: 'What do farmers ask for, and what do they get?',
    help: 'Requests served, by route and HTTP status.',
    labels: { route: null, code: null },
  },
  requestSeconds: {
    type: 'histogram',
    name: 'mock_node_request_duration_seconds',
    unit: 'seconds',
    question: 'How fast does the node answer?',
    help: 'Time from a request to the end of its reply.',
    labels: { route: null },
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  challenges: {
    type: 'counter',
    name: 'mock_node_challenges_total',
    unit: 'challenges',
    question: 'Do the farmers pass?',
    help: 'Challenges settled: passed, answered wrong, or left unanswered until they were over.',
    labels: { result: CHALLENGE_RESULTS },
  },
  contracts: {
    type: 'gauge',
    name: 'mock_node_contracts',
    unit: 'contracts',
    question: 'How much is farmed?',
    help: 'Contracts running.',
  },
  farmers: {
    type: 'gauge',
    name: 'mock_node_farmers',
    unit: 'farmers',
    question: 'By how many?',
    help: 'Farmers registered.',
  },
  metricErrors: {
    type: 'counter',
    name: 'mock_node_metric_errors_total',
    unit: 'metrics',
    question: 'Are these metrics whole?',
    help: 'Metrics left out of a scrape because they could not be read.',
  },
  build: {
    type: 'gauge',
    name: 'mock_node_build_info',
    unit: 'always 1',
    question: 'Which version runs?',
    help: 'Always 1; the labels say which version runs.',
    labels: { version: null, node_version: null },
  },
} as const satisfies Catalogue;

/** The mock node's metrics, as the rest of it speaks to them. */
export class MockMetrics {
  readonly #set: MetricSet<typeof MOCK_METRICS>;

  constructor({ version }: { version: string }, reading: { running: () => number; farmers: () => number }) {
    this.#set = new MetricSet(MOCK_METRICS, () => this.#set.instruments.metricErrors.inc());
    this.#set.instruments.build.set({ version, node_version: process.versions.node }, 1);
    this.#set.onScrape('contracts', (gauge) => gauge.set(reading.running()));
    this.#set.onScrape('farmers', (gauge) => gauge.set(reading.farmers()));
  }

  /** All metrics in Prometheus' text format. */
  async scrape(): Promise<Scrape> {
    return await this.#set.scrape();
  }

  request(route: string, code: number, seconds: number): void {
    this.#set.instruments.requests.inc({ route, code });
    this.#set.instruments.requestSeconds.observe({ route }, seconds);
  }

  settled(result: ChallengeResult, count: number): void {
    this.#set.instruments.challenges.inc({ result }, count);
  }
}
