import { randomBytes } from 'node:crypto';

/** A source of randomness, which tests replace. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

export const systemRandom: Random = { next: () => Math.random() };

/** A seed that no earlier call returned, on any machine: 16 hex characters. */
export function createSeed(): string {
  return randomBytes(8).toString('hex');
}
