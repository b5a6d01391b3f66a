/** How a node's time passes. */
export interface Pace {
  readonly mode: 'real' | 'frozen';
  /** Node time that passes in a unit of real time, while it passes. */
  readonly scale: number;
}

/**
 * The node's own time, in whole milliseconds since the Unix epoch. It passes as real time does, or faster or slower by a
 * scale, or it stands still; it can be moved on by hand. It never goes back while anything is reckoned by it.
 */
export class NodeClock {
  readonly #real: () => number;
  readonly #startScale: number;
  #pace: Pace;
  /** Node time was `node` when real time was `real`. */
  #anchor: { readonly node: number; readonly real: number };

  /** @param real real time, in milliseconds since the Unix epoch */
  constructor(real: () => number, { scale = 1 }: { scale?: number } = {}) {
    this.#real = real;
    this.#startScale = scale;
    this.#pace = { mode: 'real', scale };
    const now = real();
    this.#anchor = { node: now, real: now };
  }

  get pace(): Pace {
    return this.#pace;
  }

  now(): number {
    const { mode, scale } = this.#pace;
    const { node, real } = this.#anchor;
    return mode === 'frozen' ? node : Math.floor(node + (this.#real() - real) * scale);
  }

  /** From here on time passes like that. */
  setPace({ mode, scale = this.#pace.scale }: { mode: Pace['mode']; scale?: number | undefined }): void {
    this.#moveTo(this.now());
    this.#pace = { mode, scale };
  }

  /** Moves time on. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError('time does not go back');
    this.#moveTo(this.now() + ms);
  }

  /** Moves time on to a moment, or leaves it where it is if that is past. */
  catchUpWith(now: number): void {
    this.#moveTo(Math.max(now, this.now()));
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
