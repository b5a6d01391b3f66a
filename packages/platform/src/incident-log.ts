import type { Instant } from './clock.ts';
import { getErrorCode } from './errors.ts';
import type { LogEntry } from './log-limiter.ts';

interface Incident {
  readonly id: number;
  readonly since: Instant;
  /** The latest line. */
  last: LogEntry;
  lastAt: Instant;
  /** How many lines there were, and how many of them are not written or summarized yet. */
  times: number;
  pending: number;
  summaryAt: Instant;
  summaryIntervalMs: number;
}

export interface IncidentLogDeps {
  readonly now: () => Instant;
  /** For times in summaries. */
  readonly toWallTime: (instant: Instant) => number;
  /** Called at the end of an incident, with the `startsIncident` of its first line. `summary`: of several lines. */
  readonly onEnd: (incident: number, summary?: LogEntry['fields']) => void;
  /** Calls `work` after a time; by default with a timer that does not keep the process running. */
  readonly after?: (ms: number, work: () => void) => void;
}

const FIRST_SUMMARY_MS = 10_000;
const SUMMARY_GROWTH = 4;
const MAX_SUMMARY_INTERVAL_MS = 3_600_000;
/** An incident is over when nothing was repeated for this long. */
const QUIET_MS = 300_000;
/** Lines of further incidents are written one by one. */
const MAX_INCIDENTS = 200;

/**
 * Treats lines that repeat each other as one incident: writes the first line, then summaries at growing intervals, and
 * reports its end. A summary is the latest line with the number of lines since the start of the
 * incident (`times`, `since`). Lines repeat each other if level, message, text fields and the code of the error are the
 * same, whatever the contract. Lines of level `info` are written as they are, unless they are about a node.
 */
export class IncidentLog {
  readonly #write: (entry: LogEntry) => void;
  readonly #deps: Required<IncidentLogDeps>;
  readonly #incidents = new Map<string, Incident>();
  #started = 0;

  constructor(write: (entry: LogEntry) => void, deps: IncidentLogDeps) {
    this.#write = write;
    this.#deps = { after: (ms, work) => void setTimeout(work, ms).unref(), ...deps };
  }

  add(entry: LogEntry): void {
    if (!canRepeat(entry)) {
      this.#write(entry);
      return;
    }
    const key = createKey(entry);
    const incident = this.#incidents.get(key);
    const now = this.#deps.now();
    if (incident !== undefined) {
      incident.last = entry;
      incident.lastAt = now;
      incident.times += 1;
      incident.pending += 1;
      return;
    }
    if (this.#incidents.size >= MAX_INCIDENTS) {
      this.#write(entry);
      return;
    }
    this.#started += 1;
    this.#incidents.set(key, {
      id: this.#started,
      since: now,
      last: entry,
      lastAt: now,
      times: 1,
      pending: 0,
      summaryAt: now + FIRST_SUMMARY_MS,
      summaryIntervalMs: FIRST_SUMMARY_MS,
    });
    this.#write({ ...entry, startsIncident: this.#started });
    this.#deps.after(FIRST_SUMMARY_MS, () => this.#check(key));
  }

  /** Writes a summary of each incident with lines that were not written yet. For the end of the process. */
  flush(): void {
    const now = this.#deps.now();
    for (const incident of this.#incidents.values()) this.#summarize(incident, now);
  }

  #check(key: string): void {
    const incident = this.#incidents.get(key);
    if (incident === undefined) return;
    const now = this.#deps.now();
    if (now - incident.lastAt >= QUIET_MS) {
      this.#end(key, incident);
      return;
    }
    if (now >= incident.summaryAt) this.#summarize(incident, now);
    this.#deps.after(Math.max(1, Math.min(incident.summaryAt, incident.lastAt + QUIET_MS) - now), () =>
      this.#check(key),
    );
  }

  #summarize(incident: Incident, now: Instant): void {
    if (incident.pending > 0) {
      const { last, times } = incident;
      this.#write({ ...last, fields: { ...last.fields, times, since: this.#format(incident.since) } });
      incident.pending = 0;
      incident.summaryIntervalMs = Math.min(MAX_SUMMARY_INTERVAL_MS, incident.summaryIntervalMs * SUMMARY_GROWTH);
    }
    incident.summaryAt = now + incident.summaryIntervalMs;
  }

  #end(key: string, { id, last, times, since, lastAt }: Incident): void {
    this.#incidents.delete(key);
    const { node, ...identity } = selectIdentity(last.fields);
    const period = { times, since: this.#format(since), until: this.#format(lastAt) };
    const summary = { ...(node !== undefined && { node }), incident: last.message, ...identity, ...period };
    this.#deps.onEnd(id, times === 1 ? undefined : summary);
  }

  #format(instant: Instant): string {
    return new Date(this.#deps.toWallTime(instant)).toISOString();
  }
}

function canRepeat({ level, fields }: LogEntry): boolean {
  return level !== 'info' || ('node' in fields && !('incident' in fields));
}

/** An error without a code is identified by its message. */
function createKey({ level, message, fields }: LogEntry): string {
  const { error } = fields;
  const cause = error instanceof Error && getErrorCode(error) === undefined ? error.message : undefined;
  return JSON.stringify([level, message, cause, ...Object.entries(selectIdentity(fields))]);
}

/** The fields that lines of the same incident have in common. Numbers count attempts and times. */
function selectIdentity({ contract: _, error, ...others }: LogEntry['fields']): Record<string, unknown> {
  const identity = Object.fromEntries(
    Object.entries(others).filter(([, value]) => typeof value === 'string' || typeof value === 'boolean'),
  );
  const code = getErrorCode(error);
  return code === undefined ? identity : { ...identity, code };
}
