import type { Delay } from './effect.ts';

export const lognormal: Delay<'lognormal'> = ({ effect: { medianMs, sigma, maxMs }, chance }) => {
  // Box-Muller: two uniform random numbers make a normal one.
  const normal = Math.sqrt(-2 * Math.log(1 - chance('radius'))) * Math.cos(2 * Math.PI * chance('angle'));
  return Math.min(maxMs, medianMs * Math.exp(sigma * normal));
};
