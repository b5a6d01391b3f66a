import {
  type Clock,
  computeBackoffMs,
  getErrorCode,
  type Instant,
  type LogFields,
  type Logger,
  type Random,
} from '@downstream/platform';
import { NodeError } from './errors.ts';
import { type NodeProblem, NodeProblemRecorder } from './node-problem.ts';
import type { NodePort, TokenStorePort } from './ports.ts';
import { RepeatedReports } from './repeated-reports.ts';

interface SessionDeps {
  readonly node: Pick<NodePort, 'register' | 'connect'>;
  readonly tokens: TokenStorePort;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const RETRY = { baseMs: 1_000, capMs: 30_000 };
/** Limits how often a node can cause registrations by rejecting the tokens that it issued. */
const MAX_REGISTRATIONS = { count: 5, periodMs: 300_000 };

/** This farmer's registration with one node. The token is requested once and stored. */
export class Session {
  readonly #address: string;
  readonly #deps: SessionDeps;
  readonly #rejections = new RepeatedReports<'token'>();
  readonly #problem = new NodeProblemRecorder();
  #token: string | undefined;
  /** The times of the last registrations, oldest first. */
  #registeredAt: readonly Instant[] = [];

  constructor({ address }: { address: string }, deps: SessionDeps) {
    this.#address = address;
    this.#deps = deps;
  }

  /** Undefined while the farmer is not registered. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Why the node issues no token; undefined if it did, or was not asked yet. */
  get problem(): NodeProblem | undefined {
    return this.#problem.current;
  }

  /** Whether the node rejected the token in its latest response about it. */
  get isTokenRejected(): boolean {
    return this.#rejections.has('token');
  }

  /**
   * Records that the node rejected the token.
   *
   * @param minMs how long the node must keep rejecting it
   * @returns whether the rejection is confirmed
   */
  recordTokenRejected(minMs: number): boolean {
    return this.#rejections.record(['token'], { now: this.#deps.clock.now(), minMs }).length > 0;
  }

  /** Records that the node accepted the token, or that a request failed for another reason. */
  resetTokenRejections(): void {
    this.#rejections.reset();
  }

  /** Uses the stored token, or registers. */
  async open(signal: AbortSignal): Promise<void> {
    const { node, tokens, log } = this.#deps;
    const token = tokens.token();
    if (token === undefined) await this.register(signal);
    else {
      const report = (fields: LogFields) => log.warn('connection failed', fields);
      await this.#retry(async () => await node.connect?.({ signal }), { report, signal });
      this.#token = token;
    }
  }

  /**
   * Requests a new token until the node issues one, with growing pauses. In the meantime there is no token, since
   * contracts accepted with the old one would not be listed with the new one.
   */
  async register(signal: AbortSignal): Promise<void> {
    const { node, tokens, clock, log } = this.#deps;
    this.#token = undefined;
    this.#rejections.reset();
    await this.#waitForNextRegistration(signal);
    const request = async () => {
      const token = await node.register(this.#address, { signal });
      // A token that can't be stored is not used: its contracts would be lost when this process ends.
      tokens.saveToken(token);
      this.#token = token;
    };
    await this.#retry(request, { report: (fields) => log.warn('registration failed', fields), signal });
    this.#registeredAt = [...this.#registeredAt, clock.now()].slice(-MAX_REGISTRATIONS.count);
    log.info('farmer registered');
  }

  async #retry(
    work: () => Promise<void>,
    { report, signal }: { report: (fields: LogFields) => void; signal: AbortSignal },
  ): Promise<void> {
    const { clock, random } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      const sentAt = clock.now();
      try {
        await work();
        this.#problem.recordSuccess();
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof NodeError) this.#problem.recordFailure(error, sentAt);
        const { code, retryAfterMs = 0 } = error instanceof NodeError ? error : {};
        // While the circuit breaker is open nothing is sent, so retry as soon as it lets a request through.
        const backoffMs = code === 'circuit_open' ? 0 : computeBackoffMs(RETRY, attempt, random);
        const pauseMs = Math.round(Math.max(backoffMs, retryAfterMs));
        report({ error, code: getErrorCode(error), attempt, pauseMs });
        await clock.sleep(pauseMs, signal);
      }
    }
  }

  async #waitForNextRegistration(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const oldest = this.#registeredAt.at(-MAX_REGISTRATIONS.count);
    const pauseMs = oldest === undefined ? 0 : oldest + MAX_REGISTRATIONS.periodMs - clock.now();
    if (pauseMs <= 0) return;
    log.warn('registration postponed', { registrations: MAX_REGISTRATIONS.count, pauseMs: Math.round(pauseMs) });
    await clock.sleep(pauseMs, signal);
  }
}
