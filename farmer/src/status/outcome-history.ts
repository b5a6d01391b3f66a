import type { Instant } from '@downstream/platform';
import type { FailureReason } from '../contract/contract.ts';
import type { SettledRounds } from '../contract/journal-entry.ts';
import type { OutcomePort } from '../farming/ports.ts';

/** Challenges of some consecutive minutes. */
export interface HistorySpan {
  readonly from: Instant;
  readonly minutes: number;
  readonly passed: number;
  readonly failed: number;
  /** Minimum time left before a deadline; negative if late; undefined without verdicts. */
  readonly minSlackMs: number | undefined;
}

export interface WindowTotals {
  readonly passed: number;
  readonly failed: number;
  /** The most frequent failure reason. */
  readonly mainReason?: FailureReason | undefined;
}

interface Minute {
  minute: number;
  passed: number;
  failed: number;
  byReason: Map<FailureReason, number>;
  minSlackMs: number | undefined;
}

const MINUTE_MS = 60_000;
const HOURS = 12;
/** Earlier challenges are not needed. */
export const HISTORY_MS = HOURS * 3_600_000;
const MIN_MINUTES = 30;
const MAX_SPANS = 120;

/**
 * Challenges of the last twelve hours by the minute, in a ring buffer of constant size. Failures count when they fell
 * due: those of a downtime are settled later.
 */
export class OutcomeHistory {
  #ring: (Minute | undefined)[] = new Array(HOURS * 60);
  readonly startedAt: Instant;
  #completeSince: Instant;
  #shiftedAt: Instant;
  #lastPassedAt: Instant | undefined;
  #lastFailedAt: Instant | undefined;

  constructor(startedAt: Instant) {
    this.startedAt = startedAt;
    this.#completeSince = startedAt;
    this.#shiftedAt = startedAt;
  }

  /** Since when no result is missing. */
  get completeSince(): Instant {
    return this.#completeSince;
  }

  get lastPassedAt(): Instant | undefined {
    return this.#lastPassedAt;
  }

  get lastFailedAt(): Instant | undefined {
    return this.#lastFailedAt;
  }

  /** Adds what was settled before the start, from the journal. */
  load(rounds: Iterable<SettledRounds>, completeSince: Instant): void {
    for (const one of rounds) this.record(one);
    this.#completeSince = completeSince;
  }

  record(rounds: SettledRounds): void {
    const { outcome, cause, dueAt, settledAt } = rounds;
    if (outcome === 'unknown') return;
    const hasVerdict = outcome === 'passed' || cause === 'answer_rejected';
    if (hasVerdict) recordSlack(this.#getMinute(settledAt), dueAt - settledAt);
    if (outcome === 'passed') {
      this.#getMinute(settledAt).passed += 1;
      this.#lastPassedAt = Math.max(settledAt, this.#lastPassedAt ?? settledAt);
    } else this.#recordFailures(rounds, outcome);
  }

  /**
   * Moves everything into the past that was recorded before time was lost that this clock did not see.
   *
   * @param after the loss is later than this. Each node reports it: the others are ignored.
   */
  timeLost(ms: number, { after, now }: { after: Instant; now: Instant }): void {
    if (after < this.#shiftedAt) return;
    this.#shiftedAt = now;
    const minutes = this.#ring;
    this.#ring = new Array(HOURS * 60);
    const toPast = (at: Instant | undefined) => at && at - ms;
    for (const minute of minutes) {
      if (minute === undefined) continue;
      const moved = minute.minute - Math.round(ms / MINUTE_MS);
      if (moved * MINUTE_MS < now - HISTORY_MS) continue;
      this.#ring[toPlace(moved)] = { ...minute, minute: moved };
    }
    this.#completeSince -= ms;
    this.#lastPassedAt = toPast(this.#lastPassedAt);
    this.#lastFailedAt = toPast(this.#lastFailedAt);
  }

  /** @returns a port that passes everything on to `outcomes` and records what concerns the history here */
  recordFrom(outcomes: OutcomePort): OutcomePort {
    return {
      ...outcomes,
      roundsSettled: (entry) => {
        outcomes.roundsSettled(entry);
        this.record(entry);
      },
      timeLost: (ms, period) => {
        outcomes.timeLost(ms, period);
        this.timeLost(ms, period);
      },
    };
  }

  #recordFailures({ cause, count, intervalMs, dueAt, settledAt }: SettledRounds, reason: FailureReason): void {
    const first = cause === 'answer_rejected' ? settledAt : Math.min(dueAt, settledAt);
    const stepMs = Math.min(Math.max(0, settledAt - first) / Math.max(1, count - 1), intervalMs);
    const last = first + stepMs * (count - 1);
    this.#lastFailedAt = Math.max(last, this.#lastFailedAt ?? last);
    const add = (minute: Minute, times: number) => {
      minute.failed += times;
      minute.byReason.set(reason, (minute.byReason.get(reason) ?? 0) + times);
    };
    if (stepMs === 0) {
      add(this.#getMinute(last), count);
      return;
    }
    // How many of the rounds fall due before an instant.
    const countBefore = (at: Instant) => Math.min(count, Math.max(0, Math.ceil((at - first) / stepMs)));
    const oldest = Math.max(first, last - HISTORY_MS + MINUTE_MS);
    for (let start = Math.floor(oldest / MINUTE_MS) * MINUTE_MS; start <= last; start += MINUTE_MS) {
      const times = countBefore(start + MINUTE_MS) - countBefore(start);
      if (times > 0) add(this.#getMinute(start), times);
    }
  }

  /** @returns the totals of the minutes that began in the last `windowMs`, at most twelve hours */
  sumWithin(windowMs: number, now: Instant): WindowTotals {
    const first = Math.floor((now - windowMs) / MINUTE_MS);
    let passed = 0;
    let failed = 0;
    const byReason = new Map<FailureReason, number>();
    for (const minute of this.#ring) {
      if (minute === undefined || minute.minute < first) continue;
      passed += minute.passed;
      failed += minute.failed;
      for (const [reason, times] of minute.byReason) byReason.set(reason, (byReason.get(reason) ?? 0) + times);
    }
    const [main] = [...byReason].sort(([, times], [, others]) => others - times);
    return { passed, failed, mainReason: main?.[0] };
  }

  /** @returns the time since the results are complete, at most twelve hours, in equal spans for a chart */
  getSpans(now: Instant): HistorySpan[] {
    const last = Math.floor(now / MINUTE_MS);
    const age = last - Math.floor(this.#completeSince / MINUTE_MS) + 1;
    const minutes = Math.min(HOURS * 60, Math.max(MIN_MINUTES, age));
    const width = Math.ceil(minutes / MAX_SPANS);
    // Spans begin at multiples of their width, so that consecutive calls return the same spans.
    const end = Math.floor(last / width) + 1;
    const count = Math.floor(minutes / width);
    return Array.from({ length: count }, (_, n) => this.#sumSpan((end - count + n) * width, width));
  }

  #sumSpan(first: number, width: number): HistorySpan {
    const minutes = Array.from({ length: width }, (_, n) => this.#ring[toPlace(first + n)]);
    const recorded = minutes.filter(
      (minute) => minute !== undefined && minute.minute >= first && minute.minute < first + width,
    ) as Minute[];
    const slacks = recorded.flatMap(({ minSlackMs }) => minSlackMs ?? []);
    return {
      from: first * MINUTE_MS,
      minutes: width,
      passed: recorded.reduce((sum, { passed }) => sum + passed, 0),
      failed: recorded.reduce((sum, { failed }) => sum + failed, 0),
      minSlackMs: slacks.length === 0 ? undefined : Math.min(...slacks),
    };
  }

  #getMinute(at: Instant): Minute {
    const minute = Math.floor(at / MINUTE_MS);
    const place = toPlace(minute);
    const existing = this.#ring[place];
    if (existing?.minute === minute) return existing;
    const fresh: Minute = { minute, passed: 0, failed: 0, byReason: new Map(), minSlackMs: undefined };
    // What is older than the ring is not kept.
    if (existing === undefined || existing.minute < minute) this.#ring[place] = fresh;
    return fresh;
  }
}

function toPlace(minute: number): number {
  const places = HOURS * 60;
  return ((minute % places) + places) % places;
}

function recordSlack(minute: Minute, slackMs: number): void {
  minute.minSlackMs = Math.min(minute.minSlackMs ?? slackMs, slackMs);
}
