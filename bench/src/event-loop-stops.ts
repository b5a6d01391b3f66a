import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

/** Measures how long the event loop of this thread is blocked at a time, without allocating memory. */
export class EventLoopStops implements Disposable {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delays.enable();
  }

  /** The longest stop since the last call. */
  takeLongestMs(): number {
    const longestMs = this.#delays.max / 1e6 - RESOLUTION_MS;
    this.#delays.reset();
    return longestMs;
  }

  [Symbol.dispose](): void {
    this.#delays.disable();
  }
}
