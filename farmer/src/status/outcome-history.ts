import type { Clock, Instant } from '@downstream/platform';
import type { FailureReason } from '../contract/contract.ts';
import type { OutcomePort } from '../farming/ports.ts';

/** What became of the challenges of some minutes. */
export interface HistorySpan {
  readonly from: Instant;
  readonly minutes: number;
  readonly passed: number;
  readonly failed: number;
  /** The least time that was left before a deadline; negative is late. Undefined where no verdict came. */
  readonly minSlackMs: number | undefined;
}

/** Totals of some time. */
export interface WindowTotals {
  readonly passed: number;
  readonly failed: number;
  /** The reason of most failures. */
  readonly mostly?: FailureReason | undefined;
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

/** Outcomes of the last twelve hours, by the minute, in a ring: its size does not depend on how much happens. */
export class OutcomeHistory {
  readonly #ring: (Minute | undefined)[] = new Array(HOURS * 60);
  readonly #startedAt: Instant;
  #lastPassedAt: Instant | undefined;
  #lastFailedAt: Instant | undefined;

  constructor(startedAt: Instant) {
    this.#startedAt = startedAt;
  }

  get startedAt(): Instant {
    return this.#startedAt;
  }

  /** Of this process. */
  get lastPassedAt(): Instant | undefined {
    return this.#lastPassedAt;
  }

  /** Of this process. */
  get lastFailedAt(): Instant | undefined {
    return this.#lastFailedAt;
  }

  passed(slackMs: number, at: Instant): void {
    this.#lastPassedAt = at;
    const minute = this.#minute(at);
    minute.passed += 1;
    noteSlack(minute, slackMs);
  }

  failed(reason: FailureReason, count: number, slackMs: number | undefined, at: Instant): void {
    this.#lastFailedAt = at;
    const minute = this.#minute(at);
    minute.failed += count;
    minute.byReason.set(reason, (minute.byReason.get(reason) ?? 0) + count);
    if (slackMs !== undefined) noteSlack(minute, slackMs);
  }

  /** @returns a port that passes everything on to `outcomes` and records passed and failed challenges here */
  recordFrom(outcomes: OutcomePort, clock: Pick<Clock, 'now'>): OutcomePort {
    return {
      ...outcomes,
      passed: (slackMs, at) => {
        outcomes.passed(slackMs, at);
        this.passed(slackMs, at);
      },
      failed: (reason, count, slackMs) => {
        outcomes.failed(reason, count, slackMs);
        this.failed(reason, count, slackMs, clock.now());
      },
    };
  }

  /** Totals of the minutes that began in the last `windowMs`; twelve hours at most. */
  within(windowMs: number, now: Instant): WindowTotals {
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
    const [mostly] = [...byReason].sort(([, times], [, others]) => others - times);
    return { passed, failed, mostly: mostly?.[0] };
  }

  /** Since the start, or the last twelve hours, in equal spans: as many as a chart can show. */
  spans(now: Instant): HistorySpan[] {
    const last = Math.floor(now / MINUTE_MS);
    const age = last - Math.floor(this.#startedAt / MINUTE_MS) + 1;
    const minutes = Math.min(HOURS * 60, Math.max(MIN_MINUTES, age));
    const width = Math.ceil(minutes / MAX_SPANS);
    // Spans begin at multiples of their width, so that they stay the same from one look to the next.
    const end = Math.floor(last / width) + 1;
    const count = Math.floor(minutes / width);
    return Array.from({ length: count }, (_, n) => this.#span((end - count + n) * width, width));
  }

  #span(first: number, width: number): HistorySpan {
    const minutes = Array.from({ length: width }, (_, n) => this.#ring[(first + n) % this.#ring.length]);
    const there = minutes.filter(
      (minute) => minute !== undefined && minute.minute >= first && minute.minute < first + width,
    ) as Minute[];
    const slacks = there.flatMap(({ minSlackMs }) => minSlackMs ?? []);
    return {
      from: first * MINUTE_MS,
      minutes: width,
      passed: there.reduce((sum, { passed }) => sum + passed, 0),
      failed: there.reduce((sum, { failed }) => sum + failed, 0),
      minSlackMs: slacks.length === 0 ? undefined : Math.min(...slacks),
    };
  }

  #minute(at: Instant): Minute {
    const minute = Math.floor(at / MINUTE_MS);
    const place = minute % this.#ring.length;
    const there = this.#ring[place];
    if (there?.minute === minute) return there;
    const fresh: Minute = { minute, passed: 0, failed: 0, byReason: new Map(), minSlackMs: undefined };
    this.#ring[place] = fresh;
    return fresh;
  }
}

function noteSlack(minute: Minute, slackMs: number): void {
  minute.minSlackMs = Math.min(minute.minSlackMs ?? slackMs, slackMs);
}
