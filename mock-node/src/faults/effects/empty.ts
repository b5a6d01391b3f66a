import type { Replacement } from './effect.ts';

export const empty: Replacement<'empty'> = (_fault, { socket }) => {
  socket.destroySoon();
};
