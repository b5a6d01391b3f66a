import type { Readable } from 'node:stream';

const MAX_CHARACTERS = 4_000;

type LogConsumer = (stream: Readable) => unknown;

/** The end of what a container wrote, for whoever has to say why it did not start. */
export class ContainerLogTail {
  #text = '';
  #enough = () => {};

  /** Listens along with a log consumer that somebody else has set, if there is one. */
  consumer(theirs: LogConsumer | undefined): LogConsumer {
    return (stream) => {
      const listen = (piece: unknown) => {
        this.#text = (this.#text + String(piece)).slice(-MAX_CHARACTERS);
      };
      stream.on('data', listen);
      // A log that nobody reads any more would keep a connection open for as long as the container runs.
      this.#enough = () => (theirs === undefined ? stream.destroy() : stream.off('data', listen));
      return theirs?.(stream);
    };
  }

  get text(): string {
    return this.#text.trim();
  }

  /** It has started: no more is wanted. */
  enough(): void {
    this.#enough();
  }
}
