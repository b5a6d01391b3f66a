import { setTimeout as pause } from 'node:timers/promises';
import type { Replacement } from './effect.ts';

export const hang: Replacement<'hang'> = async ({ effect }, { socket, signal }) => {
  await pause(effect.forMs, undefined, { signal });
  socket.resetAndDestroy();
};
