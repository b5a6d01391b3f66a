import { send } from '../../api/connection.ts';
import type { Damage } from './effect.ts';

export const wrongContentType: Damage<'wrong_content_type'> = async (response, { effect }, connection) =>
  await send({ ...response, headers: { ...response.headers, 'Content-Type': effect.contentType } }, connection);
