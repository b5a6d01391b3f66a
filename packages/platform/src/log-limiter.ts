export interface LogEntry {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Identifies the incident whose first line this is. */
  readonly startsIncident?: number;
}

interface Period {
  readonly last: LogEntry;
  readonly lines: number;
  readonly repeated: number;
}

const PERIOD_MS = 60_000;
const MAX_LINES_PER_PERIOD = 20;

/**
 * Bounds the rate of log lines, which nodes and clients could drive otherwise. Of each message and node, the first
 * twenty lines in a minute are written. The others are counted. At the end of the minute the last of them is written,
 * with the number of lines that it stands for as `repeated`.
 */
export class LogLimiter {
  readonly #write: (entry: LogEntry) => void;
  readonly #after: (ms: number, work: () => void) => void;
  readonly #periods = new Map<string, Period>();

  /** @param after calls `work` after a time; by default with a timer that does not keep the process running */
  constructor(
    write: (entry: LogEntry) => void,
    after: (ms: number, work: () => void) => void = (ms, work) => void setTimeout(work, ms).unref(),
  ) {
    this.#write = write;
    this.#after = after;
  }

  add(entry: LogEntry): void {
    const key = [entry.level, entry.message, entry.fields['node']].join('\n');
    const { lines, repeated } = this.#periods.get(key) ?? this.#startPeriod(key);
    if (lines >= MAX_LINES_PER_PERIOD) {
      this.#periods.set(key, { lines, repeated: repeated + 1, last: entry });
      return;
    }
    this.#periods.set(key, { lines: lines + 1, repeated, last: entry });
    this.#write(entry);
  }

  #startPeriod(key: string): Pick<Period, 'lines' | 'repeated'> {
    this.#after(PERIOD_MS, () => this.#endPeriod(key));
    return { lines: 0, repeated: 0 };
  }

  #endPeriod(key: string): void {
    const { last, repeated = 0 } = this.#periods.get(key) ?? {};
    this.#periods.delete(key);
    if (last === undefined || repeated === 0) return;
    this.#write({ ...last, fields: { ...last.fields, repeated } });
  }
}
