import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ChunkWorkObserver } from '../chunks/chunk-store.ts';
import { FAILURE_REASONS, type FailureReason, PHASES, type Phase } from '../contract/contract.ts';
import { NODE_ERROR_CODES, type NodeErrorCode, ROUTES, type Route } from '../farming/errors.ts';
import {
  END_REASONS,
  type EndReason,
  type OutcomePort,
  REFUSAL_REASONS,
  type RefusalReason,
} from '../farming/ports.ts';

/** What gauges are read from at each scrape. */
export interface FarmReading {
  readonly phases: Readonly<Record<Phase, number>>;
  readonly bytes: number;
  readonly capacityBytes: number;
  readonly nextDueAt: number | undefined;
}

/** Doubling from 0.2 ms: from a small chunk in the cache to a large one on a slow disk. */
const WORK_SECONDS = Array.from({ length: 18 }, (_, step) => 0.0002 * 2 ** step);
const SLACK_SECONDS = [-60, -10, -1, 0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14_400];
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 60];

/**
 * Every metric of the farmer, declared here and nowhere else. Labels have a fixed set of values, each there from the
 * start at 0; none holds a token, a hash or an address.
 */
export class FarmerMetrics implements OutcomePort, ChunkWorkObserver {
  readonly registry = new Registry();
  readonly #registers = [this.registry];
  #farm: FarmReading | undefined;

  readonly #passed = new Counter({
    name: 'farmer_challenges_passed_total',
    help: 'Challenges answered in time and accepted by the node.',
    registers: this.#registers,
  });
  readonly #failed = new Counter({
    name: 'farmer_challenges_failed_total',
    help: 'Challenges failed, by reason: wrong_answer (the node refused it in time), late (it came after the deadline), missed (never answered), chunk_unreadable (never answered: the chunk was missing or corrupt), node_error (never answered: the node could not be reached or did not acknowledge).',
    labelNames: ['reason'] as const,
    registers: this.#registers,
  });
  readonly #refused = new Counter({
    name: 'farmer_contracts_refused_total',
    help: 'Contracts not taken on, by reason: hash_mismatch (the chunk came out other than the contract says), duplicate (it is held already), download_refused (from a server that is not allowed, or too long).',
    labelNames: ['reason'] as const,
    registers: this.#registers,
  });
  readonly #ended = new Counter({
    name: 'farmer_contracts_ended_total',
    help: 'Contracts lost, by reason: ended_by_node (it does not list them any more), token_lost (the node does not know this farmer any more).',
    labelNames: ['reason'] as const,
    registers: this.#registers,
  });
  readonly #proof = new Histogram({
    name: 'farmer_proof_duration_seconds',
    help: 'Time that a worker took to read and hash a chunk for an answer.',
    buckets: WORK_SECONDS,
    registers: this.#registers,
  });
  readonly #slack = new Histogram({
    name: 'farmer_challenge_slack_seconds',
    help: 'Time left before the deadline when the node gave its verdict on an answer; negative is late.',
    buckets: SLACK_SECONDS,
    registers: this.#registers,
  });
  readonly #generation = new Histogram({
    name: 'farmer_chunk_generation_duration_seconds',
    help: 'Time that a worker took to make a chunk from the genesis file and write it.',
    buckets: WORK_SECONDS,
    registers: this.#registers,
  });
  readonly #requests = new Counter({
    name: 'farmer_node_requests_total',
    help: 'Requests to the node, by route and outcome.',
    labelNames: ['route', 'outcome'] as const,
    registers: this.#registers,
  });
  readonly #requestSeconds = new Histogram({
    name: 'farmer_node_request_duration_seconds',
    help: 'Time that requests to the node took, failed ones included.',
    labelNames: ['route'] as const,
    buckets: REQUEST_SECONDS,
    registers: this.#registers,
  });
  readonly #lastPassed = new Gauge({
    name: 'farmer_last_passed_timestamp_seconds',
    help: 'When a challenge was last passed, in seconds since the epoch; 0 before the first.',
    registers: this.#registers,
  });

  constructor({ version }: { version: string }) {
    for (const reason of FAILURE_REASONS) this.#failed.inc({ reason }, 0);
    for (const reason of REFUSAL_REASONS) this.#refused.inc({ reason }, 0);
    for (const reason of END_REASONS) this.#ended.inc({ reason }, 0);
    for (const route of ROUTES) {
      this.#requestSeconds.zero({ route });
      for (const outcome of ['ok', ...NODE_ERROR_CODES]) this.#requests.inc({ route, outcome }, 0);
    }
    this.#declareReadings();
    new Gauge({
      name: 'farmer_build_info',
      help: 'Always 1; the labels say which version runs.',
      labelNames: ['version', 'node_version'],
      registers: this.#registers,
    }).set({ version, node_version: process.versions.node }, 1);
    collectDefaultMetrics({ register: this.registry });
    // Gauges whose names end in _total, and what they count twice.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.registry.removeSingleMetric(`nodejs_active_${kind}`);
      this.registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
  }

  /** From here on, gauges are read from `farm` at each scrape. */
  read(farm: FarmReading): void {
    this.#farm = farm;
  }

  passed(slackMs: number, at: number): void {
    this.#passed.inc();
    this.#slack.observe(slackMs / 1000);
    this.#lastPassed.set(at / 1000);
  }

  failed(reason: FailureReason, count: number, slackMs: number | undefined): void {
    this.#failed.inc({ reason }, count);
    if (slackMs !== undefined) this.#slack.observe(slackMs / 1000);
  }

  refused(reason: RefusalReason): void {
    this.#refused.inc({ reason });
  }

  ended(reason: EndReason): void {
    this.#ended.inc({ reason });
  }

  proved(seconds: number): void {
    this.#proof.observe(seconds);
  }

  generated(seconds: number): void {
    this.#generation.observe(seconds);
  }

  request(route: Route, outcome: 'ok' | NodeErrorCode, seconds: number): void {
    this.#requests.inc({ route, outcome });
    this.#requestSeconds.observe({ route }, seconds);
  }

  #declareReadings(): void {
    const registers = this.#registers;
    const farm = () => this.#farm;
    new Gauge({
      name: 'farmer_contracts',
      help: 'Contracts held, by state.',
      labelNames: ['state'] as const,
      registers,
      collect() {
        for (const state of PHASES) this.set({ state }, farm()?.phases[state] ?? 0);
      },
    });
    const reading = (name: string, help: string, value: (farm: FarmReading) => number | undefined) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const now = farm();
          this.set((now && value(now)) ?? 0);
        },
      });
    reading('farmer_contract_bytes', 'Bytes of the chunks of all contracts held.', ({ bytes }) => bytes);
    reading('farmer_capacity_bytes', 'Bytes that the operator gives.', ({ capacityBytes }) => capacityBytes);
    reading(
      'farmer_next_due_timestamp_seconds',
      'When the next challenge falls due, in seconds since the epoch; 0 without contracts.',
      ({ nextDueAt }) => (nextDueAt === undefined ? undefined : nextDueAt / 1000),
    );
  }
}
