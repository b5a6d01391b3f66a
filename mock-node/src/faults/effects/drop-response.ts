import type { Damage } from './effect.ts';

export const dropResponse: Damage<'drop_response'> = (_response, _fault, { socket }) => {
  socket.resetAndDestroy();
};
