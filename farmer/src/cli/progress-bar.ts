import { Writable } from 'node:stream';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

interface Progress {
  /** Contracts whose chunk exists. */
  readonly generated: number;
  readonly capacity: number;
  readonly passed: number;
  readonly failed: number;
  /** ISO 8601: the period that `passed` and `failed` cover. */
  readonly since: string | null | undefined;
}

/** Shows the progress of chunk generation on a terminal, below the log lines. Does nothing on other outputs. */
export class ChunkProgressBar {
  /** Output for the logger, which keeps its lines above the bar. */
  readonly logStream: NodeJS.WritableStream;
  readonly #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;

  constructor(output: NodeJS.WriteStream, { isVisible }: { readonly isVisible: boolean }) {
    if (!output.isTTY || !isVisible) {
      this.logStream = output;
      return;
    }
    this.#bars = new MultiBar(
      {
        stream: output,
        format: 'chunks {bar} {value}/{total}  passed {passed}, failed {failed}{since}',
        clearOnComplete: true,
        hideCursor: true,
        linewrap: true,
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
    this.logStream = new Writable({
      write: (line, _encoding, done) => {
        if (this.#bar) this.#bars?.log(String(line));
        else output.write(line);
        done();
      },
    });
  }

  /** Whether {@link update} has an effect. */
  get isEnabled(): boolean {
    return this.#bars !== undefined;
  }

  /** Hides the bar when all chunks have been generated. */
  update({ generated, capacity, since, ...totals }: Progress): void {
    if (this.#bars === undefined) return;
    if (generated >= capacity) {
      this.stop();
      return;
    }
    const challenges = { ...totals, since: since ? ` since ${since.slice(0, 10)}` : '' };
    this.#bar ??= this.#bars.create(capacity, generated, challenges);
    this.#bar.setTotal(capacity);
    this.#bar.update(generated, challenges);
  }

  stop(): void {
    if (this.#bars === undefined || this.#bar === undefined) return;
    this.#bars.remove(this.#bar);
    this.#bars.stop();
    this.#bar = undefined;
  }
}
