import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

export const unknownScheme: Violation<'unknown_scheme'> =
  (handle, { effect: { type } }) =>
  async (call) =>
    editBody(await handle(call), (body) => (body.type === undefined ? body : { ...body, type }));
