import type { Damage } from './effect.ts';

export const wrongContentType: Damage<'wrong_content_type'> = (response, { effect }) => ({
  ...response,
  headers: { ...response.headers, 'Content-Type': effect.contentType },
});
