/** Measures how long the event loop of this thread is blocked at a time. Keeps one processor busy meanwhile. */
export class EventLoopStops implements Disposable {
  #longestMs = 0;
  #last = performance.now();
  #isRunning = true;

  constructor() {
    this.#turn();
  }

  /** The longest stop since the last call. */
  takeLongestMs(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  [Symbol.dispose](): void {
    this.#isRunning = false;
  }

  #turn(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#last);
    this.#last = now;
    if (this.#isRunning) setImmediate(() => this.#turn());
  }
}
