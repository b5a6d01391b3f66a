import type { ServerResponse } from 'node:http';
import type { Instant, Logger } from '@downstream/platform';
import { EventStream, formatEvent } from '@downstream/platform/web';
import { renderSections } from './sections.ts';
import type { View } from './view.ts';

const UPDATE_INTERVAL_MS = 1_000;
/** The page's script considers the connection lost after three times this long without an event. */
const HEARTBEAT_MS = 15_000;
const MAX_BACKLOG_BYTES = 512 * 1024;

export interface LiveUpdatesDeps {
  readonly view: () => Promise<View>;
  readonly log: Pick<Logger, 'error'>;
}

/**
 * Sends the changed sections of the page to its clients once a second, as server-sent events
 * `{now, title, sections: {id: html}}`. Without clients, nothing is rendered. Errors while rendering are logged and do
 * not affect the farmer.
 */
export class LiveUpdates {
  readonly #deps: LiveUpdatesDeps;
  readonly #stream: EventStream;
  /** Clients that have received every section once. */
  readonly #current = new WeakSet<ServerResponse>();
  #sent = new Map<string, string>();
  #sentAt: Instant = 0;
  #isBusy = false;
  #hasFailed = false;

  constructor(deps: LiveUpdatesDeps, { updateIntervalMs = UPDATE_INTERVAL_MS } = {}) {
    this.#deps = deps;
    this.#stream = new EventStream({ maxBacklogBytes: MAX_BACKLOG_BYTES }, () => {
      const timer = setInterval(() => void this.#tick(), updateIntervalMs);
      return () => clearInterval(timer);
    });
  }

  /** @returns false if there are too many clients */
  add(response: ServerResponse): boolean {
    return this.#stream.add(response);
  }

  /** The number of clients. */
  get listeners(): number {
    return this.#stream.listeners.length;
  }

  /** Disconnects all clients. */
  close(): void {
    this.#stream.close();
  }

  async #tick(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      this.#send(await this.#deps.view());
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#deps.log.error('status page update failed', { error });
      this.#hasFailed = true;
    } finally {
      this.#isBusy = false;
    }
  }

  #send(view: View): void {
    const all = Object.entries(renderSections(view)).map(([id, { text }]) => [id, text] as const);
    const changed = all.filter(([id, text]) => this.#sent.get(id) !== stripCountdowns(text));
    const isDue = changed.length > 0 || Math.abs(view.now - this.#sentAt) >= HEARTBEAT_MS;
    this.#sent = new Map(all.map(([id, text]) => [id, stripCountdowns(text)]));
    if (isDue) this.#sentAt = view.now;
    const changes = formatUpdate(view, changed);
    for (const response of this.#stream.listeners) {
      if (!this.#current.has(response)) this.#stream.send(response, formatUpdate(view, all));
      else if (isDue) this.#stream.send(response, changes);
      this.#current.add(response);
    }
  }
}

function formatUpdate(view: View, sections: (readonly [id: string, text: string])[]): string {
  const title = `${view.overall.label} · ${view.status.alias}`;
  return formatEvent({ now: view.now, title, sections: Object.fromEntries(sections) });
}

/** The page's script updates relative times itself, so their text does not count as a change. */
function stripCountdowns(text: string): string {
  return text.replace(/(<time [^>]*>)[^<]*/g, '$1');
}
