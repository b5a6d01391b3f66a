import { send } from '../../api/connection.ts';
import { PREFIX_BYTES, readPrefix } from './body-prefix.ts';
import type { Damage } from './effect.ts';

export const malformedJson: Damage<'malformed_json'> = async (response, _fault, connection) => {
  const prefix = Buffer.concat([...readPrefix(response.body, PREFIX_BYTES)]);
  await send({ ...response, body: prefix.subarray(0, Math.ceil(prefix.length / 2)) }, connection);
};
