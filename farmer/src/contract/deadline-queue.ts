import type { Instant } from '@downstream/platform';

/** Things by when they are due, earliest first: a binary heap, so adding and taking cost log n. */
export class DeadlineQueue<T> {
  readonly #heap: { dueAt: Instant; value: T }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(dueAt: Instant, value: T): void {
    const heap = this.#heap;
    let at = heap.length;
    const entry = { dueAt, value };
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.dueAt <= dueAt) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  /** The earliest, left where it is. */
  peek(): { readonly dueAt: Instant; readonly value: T } | undefined {
    return this.#heap[0];
  }

  /** The earliest, taken out. */
  take(): { readonly dueAt: Instant; readonly value: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      if (child === undefined) break;
      const sibling = heap[below + 1];
      if (sibling !== undefined && sibling.dueAt < child.dueAt) {
        child = sibling;
        below += 1;
      }
      if (child.dueAt >= last.dueAt) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}
