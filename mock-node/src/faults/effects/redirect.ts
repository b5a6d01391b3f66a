import type { Replacement } from './effect.ts';
import { sendStatus } from './status.ts';

export const redirect: Replacement<'redirect'> = async ({ name, effect }, connection) =>
  await sendStatus(effect.status, { Location: effect.location }, { name, connection });
