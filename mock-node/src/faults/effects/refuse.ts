import type { Replacement } from './effect.ts';

export const refuse: Replacement<'refuse'> = ({ name, effect }, connection) => {
  connection.socket.resetAndDestroy();
  connection.refuse(effect.forMs, name);
};
