import { PREFIX_BYTES, readPrefix } from './body-prefix.ts';
import type { Damage } from './effect.ts';

export const malformedJson: Damage<'malformed_json'> = (response) => {
  const prefix = Buffer.concat([...readPrefix(response.body, PREFIX_BYTES)]);
  return { ...response, body: prefix.subarray(0, Math.ceil(prefix.length / 2)) };
};
