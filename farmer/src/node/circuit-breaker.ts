import { type Clock, computeBackoffMs, type Instant, type Random } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { NodeError, type NodeErrorCode } from '../farming/errors.ts';

export interface CircuitBreakerOptions {
  /** Upper bound of a pause. Evaluated for each pause, because it depends on the contracts held. */
  readonly maxPauseMs: () => number;
}

export interface CircuitBreakerDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** Called when the circuit opens and when it closes. */
  readonly onChange?: (isOpen: boolean) => void;
}

const FAILURE_THRESHOLD = 5;
const BASE_PAUSE_MS = 1_000;
/** After this time, an unfinished trial request does not block the next one. */
const MAX_TRIAL_MS = 30_000;

const FAILURES: readonly NodeErrorCode[] = ['unreachable', 'timeout', 'invalid_response'];

/** Any other error response shows that the node works. */
function isFailure({ code, details }: NodeError): boolean {
  const status = Number(details['status'] ?? 0);
  return FAILURES.includes(code) || status >= 500 || status === 429;
}

/**
 * Stops requests to a failing node. After five consecutive failures the circuit opens: nothing is sent for a pause,
 * then one trial request. The circuit closes if it succeeds; otherwise the next pause is twice as long.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #deps: CircuitBreakerDeps;
  #failures = 0;
  #lastFailure: NodeErrorCode | undefined;
  /** Set while the circuit is open. */
  #pausedUntil: Instant | undefined;

  constructor(options: CircuitBreakerOptions, deps: CircuitBreakerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get isOpen(): boolean {
    return this.#pausedUntil !== undefined;
  }

  /** Time left of the pause; undefined when a request may be sent. */
  get retryAfterMs(): number | undefined {
    if (this.#pausedUntil === undefined) return undefined;
    const leftMs = this.#pausedUntil - this.#deps.clock.now();
    return leftMs > 0 ? leftMs : undefined;
  }

  /** @throws NodeError `circuit_open` without sending during a pause; otherwise whatever `request` throws */
  async run<T>(route: RouteName, request: () => Promise<T>): Promise<T> {
    const { retryAfterMs } = this;
    if (retryAfterMs !== undefined) {
      throw new NodeError('circuit_open', route, 'the circuit breaker is open after repeated failures', {
        retryAfterMs: Math.ceil(retryAfterMs),
        cause: this.#lastFailure,
      });
    }
    // Only one trial request at a time.
    if (this.isOpen) {
      this.#pausedUntil = this.#deps.clock.now() + Math.min(MAX_TRIAL_MS, this.#options.maxPauseMs());
    }
    try {
      const result = await request();
      this.#recordSuccess();
      return result;
    } catch (error) {
      if (!(error instanceof NodeError)) this.#recordAbort();
      else if (isFailure(error)) this.#recordFailure(error);
      else this.#recordSuccess();
      throw error;
    }
  }

  #recordSuccess(): void {
    this.#failures = 0;
    if (!this.isOpen) return;
    this.#pausedUntil = undefined;
    this.#deps.onChange?.(false);
  }

  #recordFailure({ code, retryAfterMs = 0 }: NodeError): void {
    const { clock, random, onChange } = this.#deps;
    this.#failures += 1;
    this.#lastFailure = code;
    if (this.#failures < FAILURE_THRESHOLD) return;
    const capMs = this.#options.maxPauseMs();
    const attempt = this.#failures - FAILURE_THRESHOLD + 1;
    const pauseMs = Math.max(computeBackoffMs({ baseMs: BASE_PAUSE_MS, capMs }, attempt, random), retryAfterMs);
    const wasOpen = this.isOpen;
    this.#pausedUntil = clock.now() + Math.min(capMs, pauseMs);
    if (!wasOpen) onChange?.(true);
  }

  /** An aborted trial request shows nothing about the node: the next request is the trial. */
  #recordAbort(): void {
    if (this.isOpen) this.#pausedUntil = this.#deps.clock.now();
  }
}
