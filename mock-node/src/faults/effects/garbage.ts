import { randomio } from '@downstream/file-encryptor';
import { send } from '../../api/connection.ts';
import type { Damage } from './effect.ts';

export const garbage: Damage<'garbage'> = async (response, { name, index, effect }, connection) => {
  const noise = Buffer.concat([...randomio(`${connection.seed} ${name} ${index}`, effect.bytes)]);
  if (effect.replaces === 'body') return await send({ ...response, body: noise }, connection);
  connection.socket.write(noise);
  connection.socket.destroySoon();
};
