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

/** A node that uses a part of the capacity. */
export interface CapacityUser {
  /** In relation to the shares of the others. */
  readonly share: number;
  /** The number of contracts that it holds. */
  readonly contracts: number;
  /** Whether it may get more contracts. */
  readonly isInUse: boolean;
}

/**
 * Splits `total` contracts among nodes: a node that is not in use gets what it still holds, and the nodes in use get
 * the rest by their shares.
 */
export function splitCapacity(total: number, users: readonly CapacityUser[]): number[] {
  const inUse = users.filter((user) => user.isInUse);
  const occupied = users.reduce((sum, user) => sum + (user.isInUse ? 0 : user.contracts), 0);
  const shares = inUse.reduce((sum, { share }) => sum + share, 0);
  const parts = apportion(
    Math.max(0, total - occupied),
    inUse.map(({ share }) => share / shares),
  );
  return users.map((user) => (user.isInUse ? (parts[inUse.indexOf(user)] ?? 0) : user.contracts));
}
