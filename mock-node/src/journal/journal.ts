import type { JournalEntry, JournalFilter } from '@downstream/control-api';

/** What is known of a request when it has gone. */
export type RequestRecord = Omit<JournalEntry, 'id'>;

interface Waiter {
  readonly filter: JournalFilter;
  /** Another one fits. */
  readonly seen: () => void;
}

/**
 * The last requests to the node: a ring, so that it never grows beyond its size; what fell out is counted.
 */
export class Journal {
  readonly #size: number;
  #entries: JournalEntry[] = [];
  /** Where the oldest is, once the ring is full. */
  #oldest = 0;
  #lastId = 0;
  #dropped = 0;
  readonly #waiters = new Set<Waiter>();

  /** @param size how many requests are kept */
  constructor(size: number) {
    this.#size = size;
  }

  /** How many are kept, and how many fell out. */
  get counts(): { kept: number; dropped: number } {
    return { kept: this.#entries.length, dropped: this.#dropped };
  }

  add(recorded: RequestRecord): JournalEntry {
    const entry = { id: ++this.#lastId, ...recorded };
    if (this.#size === 0) this.#dropped += 1;
    else if (this.#entries.length < this.#size) this.#entries.push(entry);
    else {
      this.#entries[this.#oldest] = entry;
      this.#oldest = (this.#oldest + 1) % this.#size;
      this.#dropped += 1;
    }
    for (const { filter, seen } of this.#waiters) if (matches(entry, filter)) seen();
    return entry;
  }

  /** Oldest first. */
  find(filter: JournalFilter = {}): JournalEntry[] {
    return this.#inOrder().filter((entry) => matches(entry, filter));
  }

  /** Requests that no route of the node was for, oldest first. */
  unmatched(): JournalEntry[] {
    return this.#inOrder().filter(({ route }) => route === null);
  }

  /** Forgets all requests. Numbers go on. */
  clear(): void {
    this.#entries = [];
    this.#oldest = 0;
    this.#dropped = 0;
  }

  /**
   * Waits until so many requests fit: those that are kept, and those that come from now on, whatever falls out meanwhile.
   *
   * @param signal gives up
   * @returns how many there were
   */
  async wait(filter: JournalFilter, wanted: number, signal: AbortSignal): Promise<number> {
    let count = this.find(filter).length;
    if (count >= wanted || signal.aborted) return count;
    return await new Promise((resolve) => {
      const end = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', end);
        resolve(count);
      };
      const seen = () => {
        count += 1;
        if (count >= wanted) end();
      };
      const waiter: Waiter = { filter, seen };
      signal.addEventListener('abort', end);
      this.#waiters.add(waiter);
    });
  }

  #inOrder(): JournalEntry[] {
    return [...this.#entries.slice(this.#oldest), ...this.#entries.slice(0, this.#oldest)];
  }
}

function matches(entry: JournalEntry, filter: JournalFilter): boolean {
  const { route, method, farmer, contract, status, fault, since } = filter;
  return (
    (route === undefined || entry.route === route) &&
    (method === undefined || entry.method === method) &&
    (farmer === undefined || isSameFarmer(entry.farmer, farmer)) &&
    (contract === undefined || entry.contract?.startsWith(contract) === true) &&
    (status === undefined || entry.status === status) &&
    (fault === undefined || entry.faults.includes(fault)) &&
    (since === undefined || entry.id > since)
  );
}

/** The journal holds only the beginning of a token; who asks may have all of it, or less. */
function isSameFarmer(kept: string | undefined, asked: string): boolean {
  return kept !== undefined && (kept.startsWith(asked) || asked.startsWith(kept));
}
