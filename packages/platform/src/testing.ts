import type { BootTime } from './boot-time.ts';
import type { Clock, Instant } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';

/** A clock that only tests advance. */
export class FakeClock implements Clock {
  #now: Instant;
  #sleepers: { at: Instant; wake: () => void }[] = [];

  constructor(now: Instant = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now;
  }

  /** Difference between the system clock and this clock. */
  wallOffsetMs = 0;

  toWallTime(instant: Instant): number {
    return instant + this.wallOffsetMs;
  }

  toInstant(wallTime: number): Instant {
    return wallTime - this.wallOffsetMs;
  }

  /** Changes when the machine is restarted; undefined on systems that do not identify a boot. */
  bootId: string | undefined = 'first boot';

  bootTime(): BootTime | undefined {
    return this.bootId === undefined ? undefined : { bootId: this.bootId, uptimeMs: this.#now };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        // Without this, a long-lived signal would accumulate listeners.
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { at: this.#now + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', abort);
    });
  }

  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  /** Advances time in one step, as if the process had been suspended: sleepers that were due meanwhile wake late. */
  async jump(ms: number): Promise<void> {
    this.#now += ms;
    await this.advance(0);
  }

  /** Advances time step by step. After each sleeper wakes, the work that it starts runs before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#sleepers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      await settle(2);
    }
    this.#now = end;
    await settle();
  }
}

/** Lets promises, and I/O that takes a few turns of the event loop, complete. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A logger that keeps all lines. */
export class FakeLogger implements Logger {
  readonly lines: { level: string; message: string; fields: LogFields }[] = [];

  error = (message: string, fields: LogFields = {}) => this.#keep('error', message, fields);
  warn = (message: string, fields: LogFields = {}) => this.#keep('warn', message, fields);
  info = (message: string, fields: LogFields = {}) => this.#keep('info', message, fields);
  debug = (message: string, fields: LogFields = {}) => this.#keep('debug', message, fields);

  /** The messages of one level, or all messages. */
  messages(level?: string): string[] {
    return this.lines.filter((line) => level === undefined || line.level === level).map(({ message }) => message);
  }

  #keep(level: string, message: string, fields: LogFields): void {
    this.lines.push({ level, message, fields });
  }
}
