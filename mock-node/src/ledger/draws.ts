import { createHash } from 'node:crypto';

/**
 * Everything that a node makes up, drawn from its seed: the same seed gives the same tokens, secrets and challenges
 * in the same order, so that a run can be repeated.
 */
export class Draws {
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** 32 hex characters for the n-th farmer. */
  token(n: number): string {
    return this.#draw('token', n).slice(0, 32);
  }

  /** The secret of the n-th contract: 10 hex characters. */
  secret(n: number): string {
    return this.#draw('secret', n).slice(0, 10);
  }

  /** Challenge number `round` of the n-th contract: a decimal fraction, such as `0.012381234`. */
  challenge(n: number, round: number): string {
    const number = Number.parseInt(this.#draw('challenge', n, round).slice(0, 12), 16);
    return `0.${String(number % 1_000_000_000).padStart(9, '0')}`;
  }

  /** Root seed and secret of the n-th chain of challenges on a file. */
  ownership(filename: string, n: number): { rootSeed: string; secret: string } {
    return { rootSeed: this.#draw('root', filename, n), secret: this.#draw('chain', filename, n) };
  }

  /** An offset from 0 up to, not including, `size`; 0 for an empty file. */
  offset(filename: string, n: number, size: number): number {
    return size === 0 ? 0 : Number.parseInt(this.#draw('offset', filename, n).slice(0, 13), 16) % size;
  }

  #draw(...what: (string | number)[]): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#seed, ...what]))
      .digest('hex');
  }
}
