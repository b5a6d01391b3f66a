/**
 * A farmer that does nothing breaks no promise: a run is worth something only where none of its counts is zero.
 *
 * @returns what was not proved, in words
 */
export function findZeroCounts(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count === 0)
    .map(([what]) => `nothing was proved: ${what}: none`);
}
