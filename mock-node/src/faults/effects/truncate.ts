import { setHead } from '../../api/connection.ts';
import { PREFIX_BYTES, readPrefix } from './body-prefix.ts';
import type { Damage } from './effect.ts';

export const truncate: Damage<'truncate'> = async ({ status, headers, body }, { effect }, connection) => {
  const { response, socket, signal } = connection;
  setHead(response, { status, headers });
  if (Buffer.isBuffer(body)) response.set('Content-Length', String(body.length));
  response.flushHeaders();
  const maxBytes = effect.afterBytes ?? (Buffer.isBuffer(body) ? Math.floor(body.length / 2) : PREFIX_BYTES);
  for (const piece of readPrefix(body, maxBytes)) {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
  }
  socket.destroySoon();
};
