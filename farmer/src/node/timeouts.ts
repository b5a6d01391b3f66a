import type { RouteName } from '@downstream/protocol';

/** How long each route may take to reply, in milliseconds; a caller that has less time gives it. */
export const TIMEOUTS_MS: Readonly<Record<RouteName, number>> = {
  connectivity: 15_000,
  new: 15_000,
  /** A node may make a chunk of 32 MiB to know its hash, and have a queue of farmers that want one. */
  chunk: 60_000,
  due: 15_000,
  challenge: 15_000,
  remove: 15_000,
  /** Until the chunk is there, whole. */
  download: 10 * 60_000,
  challenges: 30_000,
  answer: 30_000,
};
