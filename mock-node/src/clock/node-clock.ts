import { type BootTime, measureElapsedMs } from '@downstream/platform';

export interface ClockRate {
  readonly mode: 'real' | 'frozen';
  /** Node time that passes per unit of real time unless the clock is frozen. */
  readonly scale: number;
}

/** The state of a clock, from which another clock can continue. */
export interface ClockSnapshot extends ClockRate {
  /** The scale at the start. */
  readonly startScale: number;
  readonly node: number;
  readonly real: number;
  /** Connects the snapshot with a later process, even if the system clock is set in between. */
  readonly boot?: BootTime | undefined;
}

export interface NodeClockOptions {
  /** The scale at the start. */
  readonly scale?: number;
  /**
   * An earlier clock to continue: node time has passed since then at its rate. If that clock started with another
   * scale, the new scale applies from now on.
   */
  readonly snapshot?: ClockSnapshot | undefined;
  readonly bootTime?: (() => BootTime | undefined) | undefined;
}

/**
 * The node's own time in whole milliseconds since the Unix epoch. It follows real time at a scale, or is frozen, and
 * can be moved forward. It never goes back while a deadline or a fault's window depends on it.
 */
export class NodeClock {
  readonly #real: () => number;
  readonly #startScale: number;
  readonly #bootTime: () => BootTime | undefined;
  #rate: ClockRate;
  /** The node time was `node` when the real time was `real`. */
  #anchor: { readonly node: number; readonly real: number };

  /** @param real real time in milliseconds since the Unix epoch */
  constructor(real: () => number, { scale = 1, snapshot, bootTime = () => undefined }: NodeClockOptions = {}) {
    this.#real = real;
    this.#startScale = scale;
    this.#bootTime = bootTime;
    const now = real();
    this.#rate = { mode: snapshot?.mode ?? 'real', scale: snapshot?.startScale === scale ? snapshot.scale : scale };
    this.#anchor = {
      node: snapshot === undefined ? now : continueFrom(snapshot, { now, boot: bootTime() }),
      real: now,
    };
  }

  get rate(): ClockRate {
    return this.#rate;
  }

  snapshot(): ClockSnapshot {
    const boot = this.#bootTime();
    return { ...this.#rate, startScale: this.#startScale, node: this.now(), real: this.#real(), ...(boot && { boot }) };
  }

  now(): number {
    const { mode, scale } = this.#rate;
    const { node, real } = this.#anchor;
    return mode === 'frozen' ? node : Math.floor(node + (this.#real() - real) * scale);
  }

  setRate({ mode, scale = this.#rate.scale }: { mode: ClockRate['mode']; scale?: number | undefined }): void {
    this.#moveTo(this.now());
    this.#rate = { mode, scale };
  }

  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError('the clock cannot go back');
    this.#moveTo(this.now() + ms);
  }

  /** Restores the initial rate and, unless `keepNow` is set, the real time. */
  reset({ keepNow }: { keepNow: boolean }): void {
    this.#moveTo(keepNow ? this.now() : this.#real());
    this.#rate = { mode: 'real', scale: this.#startScale };
  }

  #moveTo(node: number): void {
    this.#anchor = { node, real: this.#real() };
  }
}

/** The node time at real time `now`. If real time went back since the snapshot, no node time has passed. */
function continueFrom(
  { mode, scale, node, real, boot: before }: ClockSnapshot,
  { now, boot }: { now: number; boot: BootTime | undefined },
): number {
  const elapsedMs = measureElapsedMs(before, boot) ?? Math.max(0, now - real);
  return mode === 'frozen' ? node : Math.floor(node + elapsedMs * scale);
}
