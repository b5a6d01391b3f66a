import type { Replacement } from './effect.ts';

export const reset: Replacement<'reset'> = (_fault, { socket }) => {
  socket.resetAndDestroy();
};
