export interface LogLine {
  readonly level: string;
  readonly text: string;
}

interface KeptLine {
  readonly line: LogLine;
  /** The incident that began with this line, until it is over. */
  readonly incident: number | undefined;
}

const MAX_LINES = 100;
/** First lines of incidents that are not over yet. */
const MAX_INCIDENTS = 50;
const MAX_LINE_LENGTH = 1_000;

/** The last lines of a log, and the first line of each incident that is not over. Long lines are truncated. */
export class LogTail {
  #kept: readonly KeptLine[] = [];

  /** Oldest first. */
  get lines(): readonly LogLine[] {
    return this.#kept.map(({ line }) => line);
  }

  /** @param incident identifies the incident that begins with this line */
  add(level: string, text: string, incident?: number): void {
    const cut = text.length > MAX_LINE_LENGTH ? `${text.slice(0, MAX_LINE_LENGTH)}…` : text;
    this.#kept = [...this.#kept, { line: { level, text: cut }, incident }];
    if (this.#kept.length <= MAX_LINES) return;
    const starts = this.#kept.filter((kept) => kept.incident !== undefined).length;
    const dropped = starts > MAX_INCIDENTS ? 0 : this.#kept.findIndex((kept) => kept.incident === undefined);
    this.#kept = this.#kept.toSpliced(dropped, 1);
  }

  /** From now on, the first line of this incident is kept no longer than others. */
  endIncident(incident: number): void {
    this.#kept = this.#kept.map((kept) => (kept.incident === incident ? { ...kept, incident: undefined } : kept));
  }
}
