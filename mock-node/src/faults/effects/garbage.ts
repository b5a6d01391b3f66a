import { randomio } from '@downstream/file-encryptor';
import type { Damage } from './effect.ts';

export const garbage: Damage<'garbage'> = (response, { name, index, effect }, { seed, socket }) => {
  const noise = Buffer.concat([...randomio(`${seed} ${name} ${index}`, effect.bytes)]);
  if (effect.replaces === 'body') return { ...response, body: noise };
  socket.write(noise);
  socket.destroySoon();
  return undefined;
};
