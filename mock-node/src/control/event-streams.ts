import type { ServerResponse } from 'node:http';
import type { ControllerEvent } from '@downstream/control-api';
import { EventStream, formatEvent } from '@downstream/platform/web';
import type { ControllerEvents } from '../node-controller.ts';

const HEARTBEAT_MS = 15_000;
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;

export interface EventStreamsOptions {
  readonly heartbeatMs?: number;
  readonly maxBacklogBytes?: number;
}

/**
 * Sends the controller's events to all listening clients. Each event is formatted once for all clients, and not at all
 * without clients. Events of one turn of the event loop are sent in one write.
 */
export class EventStreams {
  readonly #maxBacklogBytes: number;
  readonly #stream: EventStream;
  #pending: string[] = [];
  #pendingLength = 0;

  constructor(
    events: ControllerEvents,
    { heartbeatMs = HEARTBEAT_MS, maxBacklogBytes = MAX_BACKLOG_BYTES }: EventStreamsOptions = {},
  ) {
    this.#maxBacklogBytes = maxBacklogBytes;
    this.#stream = new EventStream({ maxBacklogBytes }, () => {
      const unsubscribe = events.subscribe((event) => this.#enqueue(formatEvent(event)));
      const heartbeat = setInterval(() => this.#enqueue(': heartbeat\n\n'), heartbeatMs);
      return () => {
        unsubscribe();
        clearInterval(heartbeat);
        this.#clear();
      };
    });
  }

  /**
   * @param first sent to this client before all later events
   * @returns false if there are too many clients
   */
  add(response: ServerResponse, first: ControllerEvent): boolean {
    // Sends earlier events to the other clients only.
    this.#flush();
    return this.#stream.add(response, formatEvent(first));
  }

  close(): void {
    this.#flush();
    this.#stream.close();
  }

  #enqueue(text: string): void {
    if (this.#pending.length === 0) setImmediate(() => this.#flush());
    this.#pending.push(text);
    this.#pendingLength += text.length;
    if (this.#pendingLength > this.#maxBacklogBytes) this.#flush();
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#clear();
    for (const response of this.#stream.listeners) this.#stream.send(response, text);
  }

  #clear(): void {
    this.#pending = [];
    this.#pendingLength = 0;
  }
}
