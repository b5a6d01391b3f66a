import type { JournalEntry, JournalFilter } from '@downstream/control-api';

/** A request without the id that the journal assigns. */
export type RequestRecord = Omit<JournalEntry, 'id'>;

interface Waiter {
  readonly filter: JournalFilter;
  readonly onMatch: () => void;
}

/** The latest requests to the node in a ring buffer, and the number of dropped ones. */
export class Journal {
  readonly #size: number;
  #entries: JournalEntry[] = [];
  /** The index of the oldest entry when the ring is full. */
  #oldest = 0;
  #lastId = 0;
  #dropped = 0;
  readonly #waiters = new Set<Waiter>();

  /** @param size the maximum number of entries */
  constructor(size: number) {
    this.#size = size;
  }

  get counts(): { kept: number; dropped: number } {
    return { kept: this.#entries.length, dropped: this.#dropped };
  }

  add(record: RequestRecord): JournalEntry {
    const entry = { id: ++this.#lastId, ...record };
    if (this.#size === 0) this.#dropped += 1;
    else if (this.#entries.length < this.#size) this.#entries.push(entry);
    else {
      this.#entries[this.#oldest] = entry;
      this.#oldest = (this.#oldest + 1) % this.#size;
      this.#dropped += 1;
    }
    for (const { filter, onMatch } of this.#waiters) if (matches(entry, filter)) onMatch();
    return entry;
  }

  find(filter: JournalFilter = {}): JournalEntry[] {
    return this.#inOrder().filter((entry) => matches(entry, filter));
  }

  /** The requests that match no route of the node, oldest first. */
  findUnmatched(): JournalEntry[] {
    return this.#inOrder().filter(({ route }) => route === null);
  }

  /** Removes all entries. The ids continue. */
  clear(): void {
    this.#entries = [];
    this.#oldest = 0;
    this.#dropped = 0;
  }

  /**
   * Waits until `wanted` requests match: those in the journal now and all later ones, even if they get dropped.
   *
   * @returns the number of matching requests, which is lower if the signal was aborted
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
      const onMatch = () => {
        count += 1;
        if (count >= wanted) end();
      };
      const waiter: Waiter = { filter, onMatch };
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

/** The journal contains only the beginning of a token. The filter may be shorter or longer. */
function isSameFarmer(recorded: string | undefined, wanted: string): boolean {
  return recorded !== undefined && (recorded.startsWith(wanted) || wanted.startsWith(recorded));
}
