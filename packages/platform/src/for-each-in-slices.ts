const SLICE_ITEMS = 100;

/**
 * Visits each item without blocking the event loop for long: after each 100 items, other work runs.
 *
 * @param visit returns within a fraction of a millisecond
 */
export async function forEachInSlices<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  let left = SLICE_ITEMS;
  for (const item of items) {
    if (left === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      left = SLICE_ITEMS;
    }
    left -= 1;
    visit(item);
  }
}
