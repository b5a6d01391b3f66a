import type { RouteName } from '@downstream/protocol';

/** Timeout per route, in milliseconds. A caller with less time left passes a shorter one. */
export const TIMEOUTS_MS: Readonly<Record<RouteName, number>> = {
  connectivity: 15_000,
  new: 15_000,
  /** The node may have to generate a chunk of 32 MiB to compute its hash, and many farmers may be waiting for one. */
  chunk: 60_000,
  due: 15_000,
  challenge: 15_000,
  remove: 15_000,
  /** Covers the whole download. */
  download: 10 * 60_000,
  challenges: 30_000,
  answer: 30_000,
  v1_root: 15_000,
  v1_new: 15_000,
  v1_heartbeat: 15_000,
  /** The node may have to encode up to ten chunks. */
  v1_chunk: 60_000,
  v1_challenge: 30_000,
  v1_answer: 30_000,
  v1_status_list: 15_000,
  v1_status_show: 15_000,
};
