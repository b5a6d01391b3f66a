import type { Replacement } from './effect.ts';

export const hang: Replacement<'hang'> = async ({ effect }, { socket, sleep }) => {
  await sleep(effect.forMs);
  socket.resetAndDestroy();
};
