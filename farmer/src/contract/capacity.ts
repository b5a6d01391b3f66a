/** How many chunks of `chunkBytes` fit into `sizeBytes`. */
export function countChunks(sizeBytes: number, chunkBytes: number): number {
  return Math.floor(sizeBytes / chunkBytes);
}

/**
 * Splits `total` contracts by shares that sum to 1, with the largest remainder method: each share is rounded down, and
 * the remaining contracts go to the shares that lost most by rounding.
 */
export function apportion(total: number, shares: readonly number[]): number[] {
  const parts = shares.map((share, at) => ({ at, whole: Math.floor(total * share), remainder: (total * share) % 1 }));
  const remaining = total - parts.reduce((sum, { whole }) => sum + whole, 0);
  const roundedUp = new Set(
    [...parts]
      .sort((a, b) => b.remainder - a.remainder)
      .slice(0, remaining)
      .map(({ at }) => at),
  );
  return parts.map(({ at, whole }) => whole + (roundedUp.has(at) ? 1 : 0));
}
