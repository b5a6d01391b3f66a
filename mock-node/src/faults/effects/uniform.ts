import type { Delay } from './effect.ts';

export const uniform: Delay<'uniform'> = ({ effect: { minMs, maxMs }, chance }) =>
  minMs + chance('delay') * (maxMs - minMs);
