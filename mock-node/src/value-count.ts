/** The largest valid document, a scenario with the maximum number of faults, has about a third of this. */
export const MAX_VALUES = 10_000;

/**
 * Whether a parsed document has more than {@link MAX_VALUES} values, nested ones included. Validation takes
 * microseconds for each value and can report an error for each, so the values are counted first. Counting stops at the
 * limit.
 */
export function hasTooManyValues(document: unknown): boolean {
  let count = 1;
  const pending = [document];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null) continue;
    const children = Array.isArray(value) ? value : Object.values(value);
    count += children.length;
    if (count > MAX_VALUES) return true;
    pending.push(...children);
  }
  return false;
}
