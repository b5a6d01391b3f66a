/** How many chunks of `chunkBytes` fit into `sizeBytes`. */
export function countChunks(sizeBytes: number, chunkBytes: number): number {
  return Math.floor(sizeBytes / chunkBytes);
}

/**
 * Deals `total` contracts out by shares that sum to 1: each gets its whole part, and what is left goes to those that lost most by
 * rounding, so that nothing is left over.
 */
export function apportion(total: number, shares: readonly number[]): number[] {
  const parts = shares.map((share, at) => ({ at, whole: Math.floor(total * share), rest: (total * share) % 1 }));
  const left = total - parts.reduce((sum, { whole }) => sum + whole, 0);
  const lucky = new Set(
    [...parts]
      .sort((a, b) => b.rest - a.rest)
      .slice(0, left)
      .map(({ at }) => at),
  ); // stable: the first of equals
  return parts.map(({ at, whole }) => whole + (lucky.has(at) ? 1 : 0));
}
