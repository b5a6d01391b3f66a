import { type Clock, computeBackoffMs, type Instant, type Random } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { NodeError, type NodeErrorCode } from '../farming/errors.ts';

export interface CircuitBreakerOptions {
  /** The longest that nothing is sent at all; asked for anew each time, since it depends on the contracts held. */
  readonly maxPauseMs: () => number;
}

export interface CircuitBreakerDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** Told when it opens and when it closes again. */
  readonly onChange?: (isOpen: boolean) => void;
}

const FAILURE_THRESHOLD = 5;
const BASE_MS = 1_000;
/** A request lets nobody wait for its end longer than this: then another one may try. */
const ATTEMPT_MS = 30_000;

const FAILURES: readonly NodeErrorCode[] = ['unreachable', 'timeout', 'bad_reply'];

/** Whether the node is not well; any other reply, also one that refuses, says that it is there. */
function isFailure({ code, details }: NodeError): boolean {
  const status = Number(details['status'] ?? 0);
  return FAILURES.includes(code) || status >= 500 || status === 429;
}

/**
 * Leaves a node alone that fails again and again: after five failures in a row nothing is sent for a while, then one attempt goes
 * through, and what comes of it closes the circuit or doubles the pause.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #deps: CircuitBreakerDeps;
  #failures = 0;
  /** While it is open: until when nothing is sent. */
  #pausedUntil: Instant | undefined;

  constructor(options: CircuitBreakerOptions, parts: CircuitBreakerDeps) {
    this.#options = options;
    this.#deps = parts;
  }

  get isOpen(): boolean {
    return this.#pausedUntil !== undefined;
  }

  /** How long nothing will be sent; undefined where a request may go. */
  get retryAfterMs(): number | undefined {
    if (this.#pausedUntil === undefined) return undefined;
    const leftMs = this.#pausedUntil - this.#deps.clock.now();
    return leftMs > 0 ? leftMs : undefined;
  }

  /** @throws NodeError `circuit_open` at once while it is open; else what `request` throws */
  async run<T>(route: RouteName, request: () => Promise<T>): Promise<T> {
    const { retryAfterMs } = this;
    if (retryAfterMs !== undefined) {
      throw new NodeError('circuit_open', route, 'the node failed again and again, and is left alone for a while', {
        retryAfterMs: Math.ceil(retryAfterMs),
      });
    }
    // The one attempt: until it has ended, the others are kept back.
    if (this.isOpen) {
      this.#pausedUntil = this.#deps.clock.now() + Math.min(ATTEMPT_MS, this.#options.maxPauseMs());
    }
    try {
      const result = await request();
      this.#succeeded();
      return result;
    } catch (error) {
      if (!(error instanceof NodeError)) this.#ended();
      else if (isFailure(error)) this.#failed(error.retryAfterMs);
      else this.#succeeded();
      throw error;
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    if (!this.isOpen) return;
    this.#pausedUntil = undefined;
    this.#deps.onChange?.(false);
  }

  #failed(wantedMs = 0): void {
    const { clock, random, onChange } = this.#deps;
    this.#failures += 1;
    if (this.#failures < FAILURE_THRESHOLD) return;
    const capMs = this.#options.maxPauseMs();
    const pauseMs = Math.max(
      computeBackoffMs({ baseMs: BASE_MS, capMs }, this.#failures - FAILURE_THRESHOLD + 1, random),
      wantedMs,
    );
    const wasOpen = this.isOpen;
    this.#pausedUntil = clock.now() + Math.min(capMs, pauseMs);
    if (!wasOpen) onChange?.(true);
  }

  /** An attempt that was given up says nothing about the node. */
  #ended(): void {
    if (this.isOpen) this.#pausedUntil = this.#deps.clock.now();
  }
}
