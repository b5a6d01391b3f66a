import { constants, fstatSync, open, openSync, write, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { BufferedOutput, type OutputObserver } from './buffered-output.ts';

/** How long the end of the process waits for output. */
const EXIT_GRACE_MS = 1_000;
const writeInThread = promisify(write);
const openInThread = promisify(open);
/** Does not wait for the reader of a pipe. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const OWNER_ONLY = 0o600;

/**
 * Standard output and standard error of this process, and files, which never block the event loop: whatever is written
 * to `process.stdout` and `process.stderr` goes through a {@link BufferedOutput}. Create it once, before any output.
 */
export class ProcessOutput {
  readonly #observers = new Set<OutputObserver>();
  readonly #outputs: BufferedOutput[] = [];

  constructor() {
    for (const stream of [process.stdout, process.stderr]) redirect(stream, this.#add(stream));
    // Node.js itself writes warnings with a call that blocks.
    process.removeAllListeners('warning');
    process.on('warning', ({ name, message }) => process.stderr.write(`${name}: ${message}\n`));
  }

  subscribe(observer: OutputObserver): void {
    this.#observers.add(observer);
  }

  /**
   * Opens a file, to which text is appended like to the other outputs. Only the owner can read a new one.
   *
   * @throws the error of the system
   */
  async openFile(path: string): Promise<Writable> {
    const output = this.#add({ fd: await openInThread(path, APPEND, OWNER_ONLY) });
    return new Writable({
      write: (text, _encoding, done) => {
        output.write(text);
        done();
      },
    });
  }

  /**
   * Waits until everything is written, but not after an error, and at most `timeoutMs`.
   *
   * @returns whether everything is written
   */
  async flush(timeoutMs = EXIT_GRACE_MS): Promise<boolean> {
    const results = await Promise.all(this.#outputs.map(async (output) => await output.flush(timeoutMs)));
    return results.every(Boolean);
  }

  #add(target: { readonly fd: number }): BufferedOutput {
    const observer: OutputObserver = {
      dropped: (lines) => {
        for (const each of this.#observers) each.dropped(lines);
      },
      recovered: (lines) => {
        for (const each of this.#observers) each.recovered(lines);
      },
    };
    const output = new BufferedOutput({ write: createWriter(target), observer });
    this.#outputs.push(output);
    return output;
  }
}

function redirect(stream: NodeJS.WriteStream, output: BufferedOutput): void {
  // Without a listener, an error that Node.js reports for the stream ends the process.
  stream.on('error', () => {});
  stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
    output.write(text);
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}

/**
 * Node.js sets pipes and sockets to non-blocking mode, but not terminals: they are opened a second time. So are pipes,
 * because another process could change the mode of a shared one. Files, and terminals that cannot be opened again, can
 * only block, so a thread writes to them.
 */
function createWriter({ fd }: { readonly fd: number }): (bytes: Uint8Array) => Promise<number> {
  const kind = fstatSync(fd);
  const reopened = isatty(fd) || kind.isFIFO() ? openNonBlocking(fd) : undefined;
  const target = reopened ?? (kind.isFIFO() || kind.isSocket() ? fd : undefined);
  if (target !== undefined) return async (bytes) => writeSync(target, bytes);
  return async (bytes) => (await writeInThread(fd, bytes)).bytesWritten;
}

function openNonBlocking(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}
