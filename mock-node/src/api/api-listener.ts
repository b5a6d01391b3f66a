import type { HttpServer, Logger } from '@downstream/platform';

/** Somebody else may have taken the port meanwhile, and may give it back. */
const RETRY_MS = 1_000;

/** Has a server refuse connections for a while, and listen again afterwards. */
export class ApiListener {
  readonly #log: Pick<Logger, 'error'>;
  #server: HttpServer | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The fault that it is for; undefined while connections are taken. */
  #fault: string | undefined;
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

  /** Refuses for so long from now, in milliseconds, because of that fault. */
  begin(ms: number, fault: string): void {
    this.#server?.refuse();
    this.#fault = fault;
    this.#resumeIn(ms);
  }

  /** Takes connections again at once, if it was that fault which forbade it. */
  endFor(fault: string): void {
    if (fault === this.#fault) this.#resumeIn(0);
  }

  /** Nothing will be listened to again. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#server = undefined;
  }

  #resumeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#resume(), ms);
  }

  async #resume(): Promise<void> {
    try {
      await this.#server?.resume();
      this.#fault = undefined;
      this.#isStuck = false;
    } catch (error) {
      if (this.#server === undefined) return;
      this.#isStuck = true;
      this.#log.error('cannot listen again', { error });
      this.#resumeIn(RETRY_MS);
    }
  }
}
