import { Writable } from 'node:stream';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/**
 * The bar that a person sees while the capacity fills with chunks; nothing at all where the output is no terminal.
 * Log lines go above the bar.
 */
export class ChunkProgressBar {
  /** Where a logger writes, so that lines and bar don't mix. */
  readonly logStream: NodeJS.WritableStream;
  readonly #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;

  constructor(output: NodeJS.WriteStream) {
    if (!output.isTTY) {
      this.logStream = output;
      return;
    }
    this.#bars = new MultiBar(
      {
        stream: output,
        format: 'chunks {bar} {value}/{total}  passed {passed}  failed {failed}',
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

  /** Shows how far the filling is; the bar goes away when it is done. */
  update({ made, wanted, passed, failed }: { made: number; wanted: number; passed: number; failed: number }): void {
    if (this.#bars === undefined) return;
    if (made >= wanted) {
      this.stop();
      return;
    }
    this.#bar ??= this.#bars.create(wanted, made, { passed, failed });
    this.#bar.update(made, { passed, failed });
  }

  stop(): void {
    if (this.#bars === undefined || this.#bar === undefined) return;
    this.#bars.remove(this.#bar);
    this.#bars.stop();
    this.#bar = undefined;
  }
}
