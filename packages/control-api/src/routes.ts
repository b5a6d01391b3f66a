import { z } from 'zod';

/** What the node's routes are called: in faults, in the journal, in the metrics and the log. */
export const ROUTE_NAMES = [
  'connectivity',
  'new',
  'chunk',
  'due',
  'challenge',
  'remove',
  'download',
  'challenges',
  'answer',
] as const;

export const routeName = z.enum(ROUTE_NAMES);
export type RouteName = z.infer<typeof routeName>;
