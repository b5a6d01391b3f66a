import type { HttpServer, Logger } from '@downstream/platform';

/** Somebody else may have taken the port meanwhile, and may give it back. */
const AGAIN_MS = 1_000;

/** Has a server refuse connections for a while, and listen again afterwards. */
export class Refusal {
  readonly #log: Pick<Logger, 'error'>;
  #server: HttpServer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStuck = false;

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log;
  }

  /** The server that it is about. */
  of(server: HttpServer): void {
    this.#server = server;
  }

  /** Whether the server should listen again, and can't. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Refuses for so long from now, in milliseconds. */
  begin(ms: number): void {
    this.#server?.refuse();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#resume(), ms);
  }

  /** Nothing will be listened to again. */
  end(): void {
    clearTimeout(this.#timer);
    this.#server = undefined;
  }

  async #resume(): Promise<void> {
    try {
      await this.#server?.resume();
      this.#isStuck = false;
    } catch (error) {
      this.#isStuck = true;
      this.#log.error('cannot listen again', { error });
      this.#timer = setTimeout(() => void this.#resume(), AGAIN_MS);
    }
  }
}
