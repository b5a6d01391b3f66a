import type { Effect } from '@downstream/control-api';
import type { AppliedFault } from '../faults/fault-plan.ts';

/** How long the delays among these faults take together, in milliseconds. */
export function delayMs(faults: readonly Pick<AppliedFault, 'effect' | 'chance'>[]): number {
  return faults.reduce((sum, { effect, chance }) => sum + delayOf(effect, chance), 0);
}

function delayOf(effect: Effect, chance: AppliedFault['chance']): number {
  switch (effect.kind) {
    case 'fixed':
      return effect.ms;
    case 'uniform':
      return effect.minMs + chance('delay') * (effect.maxMs - effect.minMs);
    case 'lognormal': {
      // Box-Muller: two even draws make a normal one.
      const normal = Math.sqrt(-2 * Math.log(1 - chance('radius'))) * Math.cos(2 * Math.PI * chance('angle'));
      return Math.min(effect.maxMs, effect.medianMs * Math.exp(effect.sigma * normal));
    }
    default:
      return 0;
  }
}
