import { type Clock, systemClock } from './clock.ts';
import { getErrorCode } from './errors.ts';

export interface BufferedOutputDeps {
  /** Writes some of the bytes without blocking. @returns how many; rejects with `EAGAIN` while the output is full */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  readonly clock?: Pick<Clock, 'now' | 'sleep'>;
  readonly observer?: OutputObserver;
}

/** Receives how many lines an output loses. */
export interface OutputObserver {
  dropped(lines: number): void;
  /** The output works again, and everything before the first dropped line is written. */
  recovered(lines: number): void;
}

const MAX_BYTES = 1024 * 1024;
const FULL_RETRY_MS = 5;
const ERROR_RETRY_MS = 1_000;
const NEWLINE = 10;

/**
 * Text for an output that may not accept it: a stopped terminal, a pipe without a reader, a full disk. Writing never
 * waits. Up to a mebibyte is kept until the output works. After that, lines are dropped and counted until everything
 * that was kept is written, so that a log has one gap and not many.
 */
export class BufferedOutput {
  readonly #deps: BufferedOutputDeps;
  readonly #clock: Pick<Clock, 'now' | 'sleep'>;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #droppedLines = 0;
  #isDropping = false;
  #isWriting = false;
  #hasFailed = false;

  constructor(deps: BufferedOutputDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
  }

  write(text: string | Uint8Array): void {
    const piece = Buffer.from(text);
    this.#isDropping ||= this.#bytes > 0 && this.#bytes + piece.length > MAX_BYTES;
    if (this.#isDropping) {
      this.#drop(piece);
      return;
    }
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (!this.#isWriting) void this.#writeAll();
  }

  /**
   * Waits until everything is written, but not after an error, and at most `timeoutMs`.
   *
   * @returns whether everything is written
   */
  async flush(timeoutMs: number): Promise<boolean> {
    const end = this.#clock.now() + timeoutMs;
    while (this.#bytes > 0 && !this.#hasFailed && this.#clock.now() < end) await this.#clock.sleep(FULL_RETRY_MS);
    return this.#bytes === 0;
  }

  #drop(piece: Buffer): void {
    const lines = piece.reduce((count, byte) => count + Number(byte === NEWLINE), 0);
    this.#droppedLines += lines;
    this.#deps.observer?.dropped(lines);
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      try {
        const written = await this.#deps.write(piece);
        this.#hasFailed = false;
        this.#bytes -= written;
        if (written < piece.length) this.#pieces[0] = piece.subarray(written);
        else this.#pieces.shift();
      } catch (error) {
        this.#hasFailed = getErrorCode(error) !== 'EAGAIN';
        await this.#clock.sleep(this.#hasFailed ? ERROR_RETRY_MS : FULL_RETRY_MS);
      }
    }
    this.#isWriting = false;
    this.#reportDropped();
  }

  #reportDropped(): void {
    const lines = this.#droppedLines;
    this.#isDropping = false;
    this.#droppedLines = 0;
    if (lines > 0) this.#deps.observer?.recovered(lines);
  }
}
