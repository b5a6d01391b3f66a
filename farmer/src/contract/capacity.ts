/** A number of chunks and their size in total, or space for them. */
export interface ChunkSpace {
  readonly bytes: number;
  readonly chunks: number;
}

export const NO_SPACE: ChunkSpace = { bytes: 0, chunks: 0 };

export function addSpace(a: ChunkSpace, b: ChunkSpace): ChunkSpace {
  return { bytes: a.bytes + b.bytes, chunks: a.chunks + b.chunks };
}

/** @returns what is left, at least 0 */
export function subtractSpace(from: ChunkSpace, used: ChunkSpace): ChunkSpace {
  return { bytes: Math.max(0, from.bytes - used.bytes), chunks: Math.max(0, from.chunks - used.chunks) };
}

/** How many chunks of `chunkBytes` fit into `sizeBytes`. */
export function countChunks(sizeBytes: number, chunkBytes: number): number {
  return Math.floor(sizeBytes / chunkBytes);
}

/** How much of the disks' capacities chunks of `chunkBytes` can use: a chunk is on one disk. */
export function computeUsableBytes(capacities: readonly number[], chunkBytes: number): number {
  return capacities.reduce((sum, bytes) => sum + countChunks(bytes, chunkBytes) * chunkBytes, 0);
}

/** A node that uses a part of the capacity. */
export interface CapacityUser {
  /** In relation to the shares of the others. */
  readonly share: number;
  /** The size of the chunks of its contracts. */
  readonly bytes: number;
  /** Its part is a multiple of this: the size of its chunks, or 1 if they have different sizes. */
  readonly unitBytes: number;
  /** Whether it may get more contracts. */
  readonly isInUse: boolean;
}

/**
 * Splits the capacity among nodes: a node that is not in use gets what it still holds, and the nodes in use get the
 * rest by their shares, with the largest remainder method: each part is rounded down to a multiple of the node's unit,
 * and those that lost most by rounding, in relation to their unit, get one more unit if it fits. What remains goes to
 * nodes with smaller units.
 *
 * @returns the part of each node in bytes
 */
export function splitCapacity(totalBytes: number, users: readonly CapacityUser[]): number[] {
  const inUse = users.filter((user) => user.isInUse);
  const occupied = users.reduce((sum, user) => sum + (user.isInUse ? 0 : user.bytes), 0);
  const available = Math.max(0, totalBytes - occupied);
  const shares = inUse.reduce((sum, { share }) => sum + share, 0);
  const parts = new Map<CapacityUser, number>(users.map((user) => [user, user.isInUse ? 0 : user.bytes]));
  let remaining = available;
  const give = (user: CapacityUser, units: number) => {
    const possible = Math.min(units, Math.floor(remaining / user.unitBytes));
    parts.set(user, (parts.get(user) ?? 0) + possible * user.unitBytes);
    remaining -= possible * user.unitBytes;
  };
  const wishes = inUse.map((user) => ({ user, units: (available * (user.share / shares)) / user.unitBytes }));
  for (const { user, units } of wishes) give(user, Math.floor(units));
  for (const { user } of wishes.toSorted((a, b) => (b.units % 1) - (a.units % 1))) give(user, 1);
  for (const user of inUse.toSorted((a, b) => a.unitBytes - b.unitBytes)) give(user, Number.POSITIVE_INFINITY);
  return users.map((user) => parts.get(user) ?? 0);
}
