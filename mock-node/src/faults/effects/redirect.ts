import type { Replacement } from './effect.ts';
import { createStatus } from './status.ts';

export const redirect: Replacement<'redirect'> = (fault) =>
  createStatus(fault.effect.status, fault, { Location: fault.effect.location });
