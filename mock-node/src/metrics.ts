import type { ControllerEvent } from '@downstream/control-api';
import { type Build, type Catalogue, MetricSet, type Scrape } from '@downstream/platform';
import {
  CHALLENGE_RESULTS,
  CONTRACT_STATES,
  type ContractState,
  END_REASONS,
  PROOF_REJECTIONS,
} from './ledger/contract.ts';
import type { ControllerEvents } from './node-controller.ts';

/** All metrics of the mock node. docs/metrics.md is generated from this table. */
export const MOCK_METRICS = {
  requests: {
    type: 'counter',
    name: 'mock_node_requests_total',
    unit: 'requests',
    question: 'Which requests arrive, and with which result?',
    help: 'Requests by route and HTTP status. `none` means that a fault prevented the response.',
    labels: { route: null, code: null },
  },
  requestSeconds: {
    type: 'histogram',
    name: 'mock_node_request_duration_seconds',
    unit: 'seconds',
    question: 'How fast does the node respond?',
    help: 'Time from a request to the end of its response.',
    labels: { route: null },
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  challenges: {
    type: 'counter',
    name: 'mock_node_challenges_total',
    unit: 'challenges',
    question: 'Do farmers pass their challenges?',
    help: 'Settled challenges: passed, answered incorrectly, or unanswered at the end of their round.',
    labels: { result: CHALLENGE_RESULTS },
  },
  proofsRejected: {
    type: 'counter',
    name: 'mock_node_proofs_rejected_total',
    unit: 'proofs',
    question: 'Does the node reject proofs of the v1 API?',
    help: 'Proofs that settled no challenge: wrong, not of the scheme, for an answered challenge, or for an expired or unknown contract. A right proof still counts until the round ends.',
    labels: { reason: PROOF_REJECTIONS },
  },
  contracts: {
    type: 'gauge',
    name: 'mock_node_contracts',
    unit: 'contracts',
    question: 'How many contracts are running?',
    help: 'Running contracts by the state of the current challenge: due or settled by an answer.',
    labels: { state: CONTRACT_STATES },
  },
  contractsEnded: {
    type: 'counter',
    name: 'mock_node_contracts_ended_total',
    unit: 'contracts',
    question: 'Why do contracts end?',
    help: 'Ended contracts: failed too often, removed by the farmer, expired or forgotten by the node, or replaced.',
    labels: { reason: END_REASONS },
  },
  faultsApplied: {
    type: 'counter',
    name: 'mock_node_faults_applied_total',
    unit: 'requests',
    question: 'Are faults applied?',
    help: 'Requests to which a fault was applied, by fault. `other` stands for all but the first 200 names.',
    labels: { name: null },
  },
  farmers: {
    type: 'gauge',
    name: 'mock_node_farmers',
    unit: 'farmers',
    question: 'How many farmers are registered?',
    help: 'Registered farmers.',
  },
  metricErrors: {
    type: 'counter',
    name: 'mock_node_metric_errors_total',
    unit: 'metrics',
    question: 'Are the metrics complete?',
    help: 'Metrics that a scrape omitted because reading them failed.',
  },
  linesDropped: {
    type: 'counter',
    name: 'mock_node_output_lines_dropped_total',
    unit: 'lines',
    question: 'Is the log complete?',
    help: 'Lines that were not written because standard output or standard error accepted none for too long.',
  },
  build: {
    type: 'gauge',
    name: 'mock_node_build_info',
    unit: 'always 1',
    question: 'Which version is running?',
    help: 'Always 1. The labels contain the version and the commit of the build, and the version of Node.js.',
    labels: { version: null, commit: null, node_version: null },
  },
} as const satisfies Catalogue;

export interface MockMetricsDeps {
  readonly contracts: () => Record<ContractState, number>;
  readonly farmers: () => number;
  readonly events: ControllerEvents;
}

/** Clients choose the names of faults: the label must stay bounded. */
const MAX_FAULT_NAMES = 200;

export class MockMetrics {
  readonly #set: MetricSet<typeof MOCK_METRICS>;
  readonly #faultNames = new Set<string>();

  constructor({ build }: { build: Build }, { contracts, farmers, events }: MockMetricsDeps) {
    this.#set = new MetricSet(MOCK_METRICS, { onError: () => this.#set.instruments.metricErrors.inc() });
    this.#set.instruments.build.set({ ...build, node_version: process.versions.node }, 1);
    this.#set.onScrape('contracts', (gauge) => {
      const counts = contracts();
      for (const state of CONTRACT_STATES) gauge.set({ state }, counts[state]);
    });
    this.#set.onScrape('farmers', (gauge) => gauge.set(farmers()));
    events.subscribe((event) => this.#count(event));
  }

  async scrape(): Promise<Scrape> {
    return await this.#set.scrape();
  }

  /** @param code undefined if the client got no HTTP response */
  request(route: string, code: number | undefined, seconds: number): void {
    this.#set.instruments.requests.inc({ route, code: code ?? 'none' });
    this.#set.instruments.requestSeconds.observe({ route }, seconds);
  }

  linesDropped(lines: number): void {
    this.#set.instruments.linesDropped.inc(lines);
  }

  #count(event: ControllerEvent): void {
    const { challenges, contractsEnded, faultsApplied, proofsRejected } = this.#set.instruments;
    if (event.type === 'challenge') challenges.inc({ result: event.result }, event.count);
    if (event.type === 'proof') proofsRejected.inc({ reason: event.reason });
    if (event.type === 'contract' && event.reason !== undefined) contractsEnded.inc({ reason: event.reason });
    // A new fault's counter starts at 0, so that `increase()` sees its first application.
    if (event.type === 'fault')
      faultsApplied.inc({ name: this.#boundName(event.name) }, event.change === 'applied' ? 1 : 0);
  }

  #boundName(name: string): string {
    if (this.#faultNames.size < MAX_FAULT_NAMES) this.#faultNames.add(name);
    return this.#faultNames.has(name) ? name : 'other';
  }
}
