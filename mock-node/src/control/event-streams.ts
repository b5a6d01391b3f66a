import type { ServerResponse } from 'node:http';
import type { ControllerEvent } from '@downstream/control-api';
import type { ControllerEvents } from '../node-controller.ts';

const MAX_LISTENERS = 32;
const HEARTBEAT_MS = 15_000;
/** Who is so much behind does not read: they can come again. In characters. */
const MAX_BACKLOG = 8 * 1024 * 1024;

export interface EventStreamsOptions {
  readonly heartbeatMs?: number;
  readonly maxBacklog?: number;
}

/**
 * Tells whoever listens what happens, as server-sent events. An event becomes text once, however many listen, and not at
 * all while nobody does; those of one turn go out together, so that ten thousand at once are one write.
 */
export class EventStreams {
  readonly #events: ControllerEvents;
  readonly #heartbeatMs: number;
  readonly #maxBacklog: number;
  readonly #listeners = new Set<ServerResponse>();
  #stop: (() => void) | undefined;
  #pending: string[] = [];
  #pendingLength = 0;

  constructor(
    events: ControllerEvents,
    { heartbeatMs = HEARTBEAT_MS, maxBacklog = MAX_BACKLOG }: EventStreamsOptions = {},
  ) {
    this.#events = events;
    this.#heartbeatMs = heartbeatMs;
    this.#maxBacklog = maxBacklog;
  }

  /**
   * @param first is sent before anything that happens from now on
   * @returns false where there are too many listeners already
   */
  add(response: ServerResponse, first: ControllerEvent): boolean {
    if (this.#listeners.size >= MAX_LISTENERS) return false;
    // What has happened before is not for the new one.
    this.#flush();
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      Connection: 'close',
      // A proxy between would keep events back until it has many of them.
      'X-Accel-Buffering': 'no',
    });
    response.write(`retry: 2000\n\n${textOf(first)}`);
    this.#listeners.add(response);
    response.once('close', () => this.#drop(response));
    this.#stop ??= this.#start();
    return true;
  }

  /** Lets everybody go, so that the server can close at once. */
  close(): void {
    this.#flush();
    for (const response of [...this.#listeners]) {
      response.end();
      this.#drop(response);
    }
  }

  #start(): () => void {
    const stopListening = this.#events.subscribe((event) => this.#tell(textOf(event)));
    const heartbeat = setInterval(() => this.#tell(': still here\n\n'), this.#heartbeatMs);
    return () => {
      stopListening();
      clearInterval(heartbeat);
      this.#pending = [];
      this.#pendingLength = 0;
    };
  }

  #drop(response: ServerResponse): void {
    this.#listeners.delete(response);
    if (this.#listeners.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #tell(text: string): void {
    if (this.#pending.length === 0) setImmediate(() => this.#flush());
    this.#pending.push(text);
    this.#pendingLength += text.length;
    if (this.#pendingLength > this.#maxBacklog) this.#flush();
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#pending = [];
    this.#pendingLength = 0;
    for (const response of [...this.#listeners]) {
      if (response.writableLength > this.#maxBacklog) {
        response.destroy();
        this.#drop(response);
      } else response.write(text);
    }
  }
}

function textOf(event: ControllerEvent): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}
