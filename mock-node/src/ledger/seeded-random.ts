import { hash } from 'node:crypto';

/** The node's random values. They depend only on the seed and the arguments, so that a run can be repeated. */
export class SeededRandom {
  #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
  }

  get seed(): string {
    return this.#seed;
  }

  /** Replaces the seed, and with it all later values. */
  reseed(seed: string): void {
    this.#seed = seed;
  }

  /** The token of the n-th farmer: 32 hex characters. */
  token(n: number): string {
    return this.#draw('token', n).slice(0, 32);
  }

  /** The secret of the n-th contract: 10 hex characters. */
  secret(n: number): string {
    return this.#draw('secret', n).slice(0, 10);
  }

  /** The challenge of a round of the n-th contract: a decimal fraction, such as `0.012381234`. */
  challenge(n: number, round: number): string {
    return toFraction(this.#draw('challenge', n, round));
  }

  /** The seed of the n-th encoded chunk of a series: 32 hex characters. */
  chunkSeed(series: string, n: number): string {
    return this.#draw('chunk', series, n).slice(0, 32);
  }

  /** A source of bytes for a purpose. Each call returns the next ones. */
  bytes(...purpose: (string | number)[]): (size: number) => Buffer {
    let call = 0;
    return (size) => {
      const seed = this.#draw('bytes', ...purpose, call++);
      const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, n) => hash('sha256', `${seed} ${n}`, 'buffer'));
      return Buffer.concat(blocks, size);
    };
  }

  /** A challenge that differs from the given one. */
  fakeChallenge(challenge: string): string {
    return toFraction(this.#draw('false challenge', challenge));
  }

  /** A hash that differs from the given one. */
  fakeHash(hash: string): string {
    return this.#draw('false hash', hash);
  }

  /** A number from 0 up to but not including 1 for the n-th request that matches a fault. */
  chance(fault: string, n: number, purpose: string): number {
    return Number.parseInt(this.#draw('fault', fault, n, purpose).slice(0, 13), 16) / 2 ** 52;
  }

  /** The root seed and the secret of a file's n-th chain of ownership challenges. */
  ownership(filename: string, n: number): { rootSeed: string; secret: string } {
    return { rootSeed: this.#draw('root', filename, n), secret: this.#draw('chain', filename, n) };
  }

  /** An offset from 0 up to but not including `sizeBytes`; 0 for an empty file. */
  offset(filename: string, n: number, sizeBytes: number): number {
    return sizeBytes === 0 ? 0 : Number.parseInt(this.#draw('offset', filename, n).slice(0, 13), 16) % sizeBytes;
  }

  #draw(...purpose: (string | number)[]): string {
    return hash('sha256', JSON.stringify([this.#seed, ...purpose]));
  }
}

function toFraction(hex: string): string {
  return `0.${String(Number.parseInt(hex.slice(0, 12), 16) % 1_000_000_000).padStart(9, '0')}`;
}
