const SLICE_ITEMS = 100;
/** How long work may run before other work has a turn. */
export const SLICE_MS = 2;

/** Resolves after other work had a turn: I/O, timers and requests. */
export async function yieldToEventLoop(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Visits each item without blocking the event loop for long: after 100 items or 2 ms, other work has a turn.
 *
 * @param visit returns within a few milliseconds
 */
export async function forEachInSlices<T>(
  items: Iterable<T>,
  visit: (item: T) => void,
  now = () => performance.now(),
): Promise<void> {
  let left = SLICE_ITEMS;
  let startedAt = now();
  for (const item of items) {
    if (left === 0 || now() - startedAt > SLICE_MS) {
      await yieldToEventLoop();
      left = SLICE_ITEMS;
      startedAt = now();
    }
    left -= 1;
    visit(item);
  }
}
