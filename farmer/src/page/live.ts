import type { ServerResponse } from 'node:http';
import { sectionsOf, type View } from './view.ts';

const MOST_LISTENERS = 32;
const EVERY_MS = 1_000;
const HEARTBEAT_MS = 15_000;
/** Someone who is so much behind does not read: they can come again. */
const MOST_BYTES_BEHIND = 256 * 1024;

/**
 * Sends what changes on the page to whoever has it open, once a second, as server-sent events. While nobody does,
 * nothing is reckoned. Each event holds the sections that changed: `{now, title, sections: {id: html}}`.
 */
export class Live {
  readonly #view: () => Promise<View>;
  readonly #everyMs: number;
  readonly #listeners = new Set<ServerResponse>();
  #sent = new Map<string, string>();
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(view: () => Promise<View>, { everyMs = EVERY_MS } = {}) {
    this.#view = view;
    this.#everyMs = everyMs;
  }

  /** @returns false where there are too many listeners already */
  add(response: ServerResponse): boolean {
    if (this.#listeners.size >= MOST_LISTENERS) return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', Connection: 'close' });
    response.write('retry: 2000\n\n');
    this.#listeners.add(response);
    // Whoever comes gets everything: their page may be old.
    this.#sent = new Map();
    response.once('close', () => this.#drop(response));
    this.#timer ??= setInterval(() => void this.#tick(), this.#everyMs);
    return true;
  }

  /** Lets everybody go, so that the server can close at once. */
  close(): void {
    for (const response of this.#listeners) {
      response.end();
      this.#drop(response);
    }
  }

  #drop(response: ServerResponse): void {
    this.#listeners.delete(response);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      this.#send(await this.#view());
    } finally {
      this.#busy = false;
    }
  }

  #send(view: View): void {
    const fresh = Object.entries(sectionsOf(view)).map(([id, { text }]) => [id, text] as const);
    const changed = fresh.filter(([id, text]) => this.#sent.get(id) !== withoutCountdowns(text));
    const beat = view.now - this.#sentAt >= HEARTBEAT_MS;
    if (changed.length === 0 && !beat) return;
    for (const [id, text] of changed) this.#sent.set(id, withoutCountdowns(text));
    this.#sentAt = view.now;
    const { word } = view.verdict;
    const event = { now: view.now, title: `${word} · ${view.status.alias}`, sections: Object.fromEntries(changed) };
    const text = `data: ${JSON.stringify(event)}\n\n`;
    for (const response of this.#listeners) {
      if (response.writableLength > MOST_BYTES_BEHIND) response.destroy();
      else response.write(text);
    }
  }
}

/** The script in the page counts by itself: a second that went by is no change. */
function withoutCountdowns(text: string): string {
  return text.replace(/(<time [^>]*>)[^<]*/g, '$1');
}
