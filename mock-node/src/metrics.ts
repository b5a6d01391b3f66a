import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { CHALLENGE_RESULTS, type ChallengeResult } from './ledger/ledger.ts';

/** Every metric of the mock node. */
export class MockMetrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];
  readonly #requests = new Counter({
    name: 'mock_node_requests_total',
    help: 'Requests served, by route and HTTP status.',
    labelNames: ['route', 'code'] as const,
    registers: this.#registers,
  });
  readonly #challenges = new Counter({
    name: 'mock_node_challenges_total',
    help: 'Challenges settled: passed, answered wrong, or left unanswered until they were over.',
    labelNames: ['result'] as const,
    registers: this.#registers,
  });

  constructor(reading: { running: () => number; farmers: () => number }) {
    for (const result of CHALLENGE_RESULTS) this.#challenges.inc({ result }, 0);
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers: this.#registers,
        collect() {
          this.set(value());
        },
      });
    gauge('mock_node_contracts', 'Contracts running.', reading.running);
    gauge('mock_node_farmers', 'Farmers registered.', reading.farmers);
    collectDefaultMetrics({ register: this.registry });
    for (const kind of ['handles', 'requests', 'resources']) {
      this.registry.removeSingleMetric(`nodejs_active_${kind}`);
      this.registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
  }

  request(route: string, code: number): void {
    this.#requests.inc({ route, code });
  }

  settled(result: ChallengeResult, count: number): void {
    this.#challenges.inc({ result }, count);
  }
}
