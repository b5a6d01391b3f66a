const MAX_SAMPLES = 15;
/** The `Date` header has a resolution of one second, so it is half a second old on average. */
const RESOLUTION_MS = 500;
/** A larger skew is an invalid date, not a wrong clock. */
const MAX_SKEW_MS = 100 * 365 * 86_400_000;

/** Measures how far a node's clock is ahead: the median over the `Date` headers of its last responses. */
export class ClockSkew {
  #samplesMs: number[] = [];

  /** Positive if the node's clock is ahead; undefined before the first valid sample. */
  get seconds(): number | undefined {
    const sorted = [...this.#samplesMs].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return median === undefined ? undefined : Math.round(median / 100) / 10;
  }

  /**
   * Adds a sample; ignores invalid dates.
   *
   * @param date value of the header
   * @param sentAt local wall-clock time when the request was sent
   * @param receivedAt local wall-clock time when the response arrived
   */
  addSample(date: unknown, sentAt: number, receivedAt: number): void {
    const nodeTime = typeof date === 'string' ? Date.parse(date) : Number.NaN;
    const skewMs = nodeTime + RESOLUTION_MS - (sentAt + receivedAt) / 2;
    if (!(Math.abs(skewMs) < MAX_SKEW_MS)) return;
    this.#samplesMs = [...this.#samplesMs.slice(1 - MAX_SAMPLES), skewMs];
  }
}
