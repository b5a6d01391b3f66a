import { hash } from 'node:crypto';

/**
 * Everything that a node makes up, drawn from its seed: the same seed gives the same tokens, secrets and challenges
 * in the same order, so that a run can be repeated.
 */
export class SeededRandom {
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
    return toFraction(this.#draw('challenge', n, round));
  }

  /** What a node says that it asks, where it lies about that challenge. */
  fakeChallenge(challenge: string): string {
    return toFraction(this.#draw('false challenge', challenge));
  }

  /** The hash that a node gives a chunk of that hash, where it lies. */
  fakeHash(hash: string): string {
    return this.#draw('false hash', hash);
  }

  /** A number from 0 up to, not including, 1, for the n-th request that a fault fits; `what` tells its draws apart. */
  chance(fault: string, n: number, what: string): number {
    return Number.parseInt(this.#draw('fault', fault, n, what).slice(0, 13), 16) / 2 ** 52;
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
    return hash('sha256', JSON.stringify([this.#seed, ...what]));
  }
}

function toFraction(hex: string): string {
  return `0.${String(Number.parseInt(hex.slice(0, 12), 16) % 1_000_000_000).padStart(9, '0')}`;
}
