import type { Delay } from './effect.ts';

export const fixed: Delay<'fixed'> = ({ effect }) => effect.ms;
