import type { ServerResponse } from 'node:http';
import type { Instant, Logger } from '@downstream/platform';
import { renderSections, type View } from './view.ts';

const MAX_LISTENERS = 32;
const UPDATE_INTERVAL_MS = 1_000;
/** The script in the page takes three of these without a word for a connection that is dead. */
const HEARTBEAT_MS = 15_000;
/** Someone who is so much behind does not read: they can come again. */
const MAX_BUFFERED_BYTES = 512 * 1024;

export interface LiveUpdatesDeps {
  readonly view: () => Promise<View>;
  readonly log: Pick<Logger, 'error'>;
}

/**
 * Sends what changes on the page to whoever has it open, once a second, as server-sent events. While nobody does,
 * nothing is reckoned. Each event holds the sections that changed: `{now, title, sections: {id: html}}`. Whatever goes
 * wrong here stays here: the page never ends the farmer.
 */
export class LiveUpdates {
  readonly #deps: LiveUpdatesDeps;
  readonly #updateIntervalMs: number;
  /** Who listens, and whether they have been sent everything once. */
  readonly #listeners = new Map<ServerResponse, { isCurrent: boolean }>();
  #sent = new Map<string, string>();
  #sentAt: Instant = 0;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #broken = false;

  constructor(parts: LiveUpdatesDeps, { updateIntervalMs = UPDATE_INTERVAL_MS } = {}) {
    this.#deps = parts;
    this.#updateIntervalMs = updateIntervalMs;
  }

  /** @returns false where there are too many listeners already */
  add(response: ServerResponse): boolean {
    if (this.#listeners.size >= MAX_LISTENERS) return false;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      Connection: 'close',
      // A proxy between would keep events back until it has a page full of them.
      'X-Accel-Buffering': 'no',
    });
    response.write('retry: 2000\n\n');
    this.#listeners.set(response, { isCurrent: false });
    response.once('close', () => this.#drop(response));
    this.#timer ??= setInterval(() => void this.#tick(), this.#updateIntervalMs);
    return true;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Lets everybody go, so that the server can close at once. */
  close(): void {
    for (const response of [...this.#listeners.keys()]) {
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
      this.#send(await this.#deps.view());
      this.#broken = false;
    } catch (error) {
      if (!this.#broken) this.#deps.log.error('page not made', { error });
      this.#broken = true;
    } finally {
      this.#busy = false;
    }
  }

  #send(view: View): void {
    const all = Object.entries(renderSections(view)).map(([id, { text }]) => [id, text] as const);
    const changed = all.filter(([id, text]) => this.#sent.get(id) !== stripCountdowns(text));
    const isDue = changed.length > 0 || Math.abs(view.now - this.#sentAt) >= HEARTBEAT_MS;
    this.#sent = new Map(all.map(([id, text]) => [id, stripCountdowns(text)]));
    if (isDue) this.#sentAt = view.now;
    const news = formatEvent(view, changed);
    for (const [response, listener] of this.#listeners) {
      if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
      else if (!listener.isCurrent) response.write(formatEvent(view, all));
      else if (isDue) response.write(news);
      listener.isCurrent = true;
    }
  }
}

function formatEvent(view: View, sections: (readonly [id: string, text: string])[]): string {
  const title = `${view.verdict.word} · ${view.status.alias}`;
  return `data: ${JSON.stringify({ now: view.now, title, sections: Object.fromEntries(sections) })}\n\n`;
}

/** The script in the page counts by itself: a second that went by is no change. */
function stripCountdowns(text: string): string {
  return text.replace(/(<time [^>]*>)[^<]*/g, '$1');
}
