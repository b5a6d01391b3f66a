import type { Clock, Instant } from '@downstream/platform';
import type { FailureReason } from '../contract/contract.ts';
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
const MIN_MINUTES = 30;
const MAX_SPANS = 120;

/** Challenges of the last twelve hours by the minute, in a ring buffer of constant size. */
export class OutcomeHistory {
  readonly #ring: (Minute | undefined)[] = new Array(HOURS * 60);
  readonly startedAt: Instant;
  #lastPassedAt: Instant | undefined;
  #lastFailedAt: Instant | undefined;

  constructor(startedAt: Instant) {
    this.startedAt = startedAt;
  }

  get lastPassedAt(): Instant | undefined {
    return this.#lastPassedAt;
  }

  get lastFailedAt(): Instant | undefined {
    return this.#lastFailedAt;
  }

  passed(slackMs: number, at: Instant): void {
    this.#lastPassedAt = at;
    const minute = this.#getMinute(at);
    minute.passed += 1;
    recordSlack(minute, slackMs);
  }

  failed(reason: FailureReason, count: number, slackMs: number | undefined, at: Instant): void {
    this.#lastFailedAt = at;
    const minute = this.#getMinute(at);
    minute.failed += count;
    minute.byReason.set(reason, (minute.byReason.get(reason) ?? 0) + count);
    if (slackMs !== undefined) recordSlack(minute, slackMs);
  }

  /** @returns a port that passes everything on to `outcomes` and records passed and failed challenges here */
  recordFrom(outcomes: OutcomePort, clock: Pick<Clock, 'now'>): OutcomePort {
    return {
      ...outcomes,
      challengePassed: (slackMs, at) => {
        outcomes.challengePassed(slackMs, at);
        this.passed(slackMs, at);
      },
      challengeFailed: (reason, count, slackMs) => {
        outcomes.challengeFailed(reason, count, slackMs);
        this.failed(reason, count, slackMs, clock.now());
      },
    };
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

  /** @returns the time since the start, at most twelve hours, in equal spans for a chart */
  getSpans(now: Instant): HistorySpan[] {
    const last = Math.floor(now / MINUTE_MS);
    const age = last - Math.floor(this.startedAt / MINUTE_MS) + 1;
    const minutes = Math.min(HOURS * 60, Math.max(MIN_MINUTES, age));
    const width = Math.ceil(minutes / MAX_SPANS);
    // Spans begin at multiples of their width, so that consecutive calls return the same spans.
    const end = Math.floor(last / width) + 1;
    const count = Math.floor(minutes / width);
    return Array.from({ length: count }, (_, n) => this.#sumSpan((end - count + n) * width, width));
  }

  #sumSpan(first: number, width: number): HistorySpan {
    const minutes = Array.from({ length: width }, (_, n) => this.#ring[(first + n) % this.#ring.length]);
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
    const place = minute % this.#ring.length;
    const existing = this.#ring[place];
    if (existing?.minute === minute) return existing;
    const fresh: Minute = { minute, passed: 0, failed: 0, byReason: new Map(), minSlackMs: undefined };
    this.#ring[place] = fresh;
    return fresh;
  }
}

function recordSlack(minute: Minute, slackMs: number): void {
  minute.minSlackMs = Math.min(minute.minSlackMs ?? slackMs, slackMs);
}
