import type { Clock, Instant } from '@downstream/platform';
import type { TimeRange } from '../contract/lost-time.ts';
import type { NodeClockPort } from '../farming/ports.ts';

const MAX_SAMPLES = 15;
/** The `Date` header has a resolution of one second. */
const RESOLUTION_MS = 1_000;
/** A larger skew is an invalid date, not a wrong clock. */
const MAX_SKEW_MS = 100 * 365 * 86_400_000;

/** Measures how far a node's clock is ahead, by the `Date` headers of its last responses. */
export class ClockSkew implements NodeClockPort {
  readonly #clock: Pick<Clock, 'toWallTime'>;
  #samplesMs: number[] = [];
  #ahead: TimeRange | undefined;

  constructor(clock: Pick<Clock, 'toWallTime'>) {
    this.#clock = clock;
  }

  /** How far the node's clock was ahead of our instants in its last response; undefined without a valid date. */
  get ahead(): TimeRange | undefined {
    return this.#ahead;
  }

  /**
   * The median over the last responses: positive if the node's clock is ahead of the system clock, undefined before the
   * first valid sample.
   */
  get seconds(): number | undefined {
    const sorted = [...this.#samplesMs].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return median === undefined ? undefined : Math.round(median / 100) / 10;
  }

  /**
   * Adds a sample; ignores invalid dates.
   *
   * @param date value of the header
   * @param sentAt when the request was sent
   * @param receivedAt when the response arrived
   */
  addSample(date: unknown, sentAt: Instant, receivedAt: Instant): void {
    const nodeTime = typeof date === 'string' ? Date.parse(date) : Number.NaN;
    const skewMs = nodeTime + RESOLUTION_MS / 2 - this.#clock.toWallTime((sentAt + receivedAt) / 2);
    const isValid = Math.abs(skewMs) < MAX_SKEW_MS;
    this.#ahead = isValid ? { minMs: nodeTime - receivedAt, maxMs: nodeTime + RESOLUTION_MS - sentAt } : undefined;
    if (isValid) this.#samplesMs = [...this.#samplesMs.slice(1 - MAX_SAMPLES), skewMs];
  }
}
