import type { Readable } from 'node:stream';

const MAX_CHARACTERS = 4_000;

type LogConsumer = (stream: Readable) => unknown;

/** The end of a container's log, for the error message when it does not start. */
export class ContainerLogTail {
  #text = '';
  #stop = () => {};

  /** @param other a log consumer that also receives the stream */
  createConsumer(other: LogConsumer | undefined): LogConsumer {
    return (stream) => {
      const append = (piece: unknown) => {
        this.#text = (this.#text + String(piece)).slice(-MAX_CHARACTERS);
      };
      stream.on('data', append);
      // An open stream keeps a connection open for as long as the container runs.
      this.#stop = () => (other === undefined ? stream.destroy() : stream.off('data', append));
      return other?.(stream);
    };
  }

  get text(): string {
    return this.#text.trim();
  }

  /** Stops reading the log. */
  stop(): void {
    this.#stop();
  }
}
