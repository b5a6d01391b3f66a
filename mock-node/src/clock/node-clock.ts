/** How a node's time passes. */
export interface ClockRate {
  readonly mode: 'real' | 'frozen';
  /** Node time that passes in a unit of real time, while it passes. */
  readonly scale: number;
}

/** Where a clock stood, for another to go on from there. */
export interface ClockSnapshot extends ClockRate {
  /** The scale that it began with. */
  readonly startScale: number;
  readonly node: number;
  readonly real: number;
}

/**
 * The node's own time, in whole milliseconds since the Unix epoch. It passes as real time does, or faster or slower by a
 * scale, or it stands still; it can be moved on by hand. It never goes back while anything is reckoned by it.
 */
export class NodeClock {
  readonly #real: () => number;
  readonly #startScale: number;
  #pace: ClockRate;
  /** Node time was `node` when real time was `real`. */
  #anchor: { readonly node: number; readonly real: number };

  /**
   * @param real real time, in milliseconds since the Unix epoch
   * @param scale to begin with
   * @param mark of a former clock: this one goes on with its time and its pace. Time that passes does so while there is no
   *   clock, too. If that clock began with another scale, the new one holds from here on.
   */
  constructor(real: () => number, { scale = 1, mark }: { scale?: number; mark?: ClockSnapshot | undefined } = {}) {
    this.#real = real;
    this.#startScale = scale;
    const now = real();
    this.#pace = { mode: mark?.mode ?? 'real', scale: mark?.startScale === scale ? mark.scale : scale };
    this.#anchor = { node: mark === undefined ? now : shownAt(now, mark), real: now };
  }

  get pace(): ClockRate {
    return this.#pace;
  }

  /** Where it stands. */
  get mark(): ClockSnapshot {
    return { ...this.#pace, startScale: this.#startScale, node: this.now(), real: this.#real() };
  }

  now(): number {
    const { mode, scale } = this.#pace;
    const { node, real } = this.#anchor;
    return mode === 'frozen' ? node : Math.floor(node + (this.#real() - real) * scale);
  }

  /** From here on time passes like that. */
  setRate({ mode, scale = this.#pace.scale }: { mode: ClockRate['mode']; scale?: number | undefined }): void {
    this.#moveTo(this.now());
    this.#pace = { mode, scale };
  }

  /** Moves time on. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError('time does not go back');
    this.#moveTo(this.now() + ms);
  }

  /** The pace of the start; and real time, unless that would be a step back while `keepNow`. */
  reset({ keepNow }: { keepNow: boolean }): void {
    this.#moveTo(keepNow ? this.now() : this.#real());
    this.#pace = { mode: 'real', scale: this.#startScale };
  }

  #moveTo(node: number): void {
    this.#anchor = { node, real: this.#real() };
  }
}

/** What a clock shows that stood like that. Should real time have gone back meanwhile, it has waited. */
function shownAt(now: number, { mode, scale, node, real }: ClockSnapshot): number {
  return mode === 'frozen' ? node : Math.floor(node + Math.max(0, now - real) * scale);
}
