import type { ServerResponse } from 'node:http';

const MAX_LISTENERS = 32;

export interface EventStreamOptions {
  /** A listener with more unsent bytes than this is disconnected. It can reconnect. */
  readonly maxBacklogBytes: number;
}

/**
 * The clients that listen to a service's server-sent events. Their number and their backlogs are bounded, so that a
 * client that stops reading cannot exhaust memory.
 */
export class EventStream {
  readonly #maxBacklogBytes: number;
  readonly #start: () => () => void;
  readonly #listeners = new Set<ServerResponse>();
  #stop: (() => void) | undefined;

  /** @param start called when the first client connects; it returns what to call when the last one disconnects */
  constructor({ maxBacklogBytes }: EventStreamOptions, start: () => () => void) {
    this.#maxBacklogBytes = maxBacklogBytes;
    this.#start = start;
  }

  get listeners(): readonly ServerResponse[] {
    return [...this.#listeners];
  }

  /**
   * Adds a client, and sends it `first`.
   *
   * @returns false if there are too many clients already
   */
  add(response: ServerResponse, first = ''): boolean {
    if (this.#listeners.size >= MAX_LISTENERS) return false;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      Connection: 'close',
      // Stops proxies from buffering events.
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: 2000\n\n${first}`);
    this.#listeners.add(response);
    response.once('close', () => this.#remove(response));
    this.#stop ??= this.#start();
    return true;
  }

  /** Sends events that {@link formatEvent} returned to one client, or disconnects it if its backlog is too large. */
  send(response: ServerResponse, events: string): void {
    if (response.writableLength <= this.#maxBacklogBytes) response.write(events);
    else {
      response.destroy();
      this.#remove(response);
    }
  }

  /** Disconnects all clients, so that the server can close at once. */
  close(): void {
    for (const response of this.listeners) {
      response.end();
      this.#remove(response);
    }
  }

  #remove(response: ServerResponse): void {
    this.#listeners.delete(response);
    if (this.#listeners.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

/** One event with `data` as JSON. */
export function formatEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
