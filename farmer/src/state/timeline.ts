import type { DatabaseSync } from 'node:sqlite';
import { type Clock, type Instant, measureElapsedMs } from '@downstream/platform';
import { z } from 'zod';
import type { ClockOffsets } from '../contract/lost-time.ts';

const markRow = z.object({
  at: z.number(),
  boot_id: z.string().nullable(),
  uptime_ms: z.number().nullable(),
  wall_ahead_ms: z.number(),
  node_ahead_min_ms: z.number().nullable(),
  node_ahead_max_ms: z.number().nullable(),
});

/**
 * The time scale of one node's rounds in the state. A wrong system clock does not affect it: it runs like the instants
 * of each process, and continues after a restart by the uptime of the machine. If the machine was restarted, it
 * continues as if no time had passed, until the clocks are compared with those of the last mark.
 */
export class Timeline {
  /** The clocks at the last mark, relative to instants of this process. */
  readonly offsets: ClockOffsets | undefined;
  readonly #nodeId: number;
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  /** How far the time scale is ahead of the instants of this process. */
  readonly #aheadMs: number;

  private constructor(
    { nodeId, aheadMs, offsets }: { nodeId: number; aheadMs: number; offsets?: ClockOffsets },
    { db, clock }: { db: DatabaseSync; clock: Clock },
  ) {
    this.#nodeId = nodeId;
    this.#aheadMs = aheadMs;
    this.offsets = offsets;
    this.#db = db;
    this.#clock = clock;
  }

  /** Continues the time scale. A new one starts at the time of the system clock. */
  static read(nodeId: number, deps: { db: DatabaseSync; clock: Clock }): Timeline {
    const { db, clock } = deps;
    const now = clock.now();
    const found = db.prepare('SELECT * FROM time_mark WHERE node_id = ?').get(nodeId);
    if (found === undefined) return new Timeline({ nodeId, aheadMs: clock.toWallTime(now) - now }, deps);
    const mark = markRow.parse(found);
    const { boot_id: bootId, uptime_ms: uptimeMs, node_ahead_min_ms: minMs, node_ahead_max_ms: maxMs } = mark;
    const boot = bootId === null || uptimeMs === null ? undefined : { bootId, uptimeMs };
    const aheadMs = mark.at + (measureElapsedMs(boot, clock.bootTime()) ?? 0) - now;
    const node = minMs === null || maxMs === null ? undefined : { minMs: minMs + aheadMs, maxMs: maxMs + aheadMs };
    return new Timeline({ nodeId, aheadMs, offsets: { wallMs: mark.wall_ahead_ms + aheadMs, node } }, deps);
  }

  toStored(instant: Instant): number {
    return instant + this.#aheadMs;
  }

  toInstant(stored: number): Instant {
    return stored - this.#aheadMs;
  }

  /** Must be called in a transaction. */
  saveMark({ wallMs, node }: ClockOffsets): void {
    const boot = this.#clock.bootTime();
    this.#db
      .prepare(
        `INSERT OR REPLACE INTO time_mark
           (node_id, at, boot_id, uptime_ms, wall_ahead_ms, node_ahead_min_ms, node_ahead_max_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        this.#nodeId,
        this.toStored(this.#clock.now()),
        boot?.bootId ?? null,
        boot?.uptimeMs ?? null,
        wallMs - this.#aheadMs,
        node === undefined ? null : node.minMs - this.#aheadMs,
        node === undefined ? null : node.maxMs - this.#aheadMs,
      );
  }
}
