/** So many of the last replies are reckoned with. */
const MAX_SAMPLES = 15;
/** The header tells whole seconds: on average half of one has gone by. */
const RESOLUTION_MS = 500;
/** What is further off is no clock that is wrong, but nonsense. */
const MAX_SKEW_MS = 100 * 365 * 86_400_000;

/** How far a node's clock is ahead of this machine's, by the `Date` of its replies: the median of the last ones. */
export class ClockSkew {
  #skewsMs: number[] = [];

  /** Positive: the node's is ahead; undefined before the first reply with a date. */
  get seconds(): number | undefined {
    const sorted = [...this.#skewsMs].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return median === undefined ? undefined : Math.round(median / 100) / 10;
  }

  /**
   * @param date the header, as it came
   * @param sentAt when the request was sent and `receivedAt` when the reply was there, by this machine's clock
   */
  note(date: unknown, sentAt: number, receivedAt: number): void {
    const told = typeof date === 'string' ? Date.parse(date) : Number.NaN;
    const skewMs = told + RESOLUTION_MS - (sentAt + receivedAt) / 2;
    if (!(Math.abs(skewMs) < MAX_SKEW_MS)) return;
    this.#skewsMs = [...this.#skewsMs.slice(1 - MAX_SAMPLES), skewMs];
  }
}
