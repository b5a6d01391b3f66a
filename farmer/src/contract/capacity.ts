/** How much an operator gives, and what a contract takes of it. */
export interface Capacity {
  readonly sizeBytes: number;
  readonly chunkBytes: number;
}

/** How many contracts the capacity holds in all. */
export function mostContracts({ sizeBytes, chunkBytes }: Capacity): number {
  return Math.floor(sizeBytes / chunkBytes);
}

/** How many more contracts to take on, beside the `held` ones. */
export function contractsWanted(capacity: Capacity, held: number): number {
  return Math.max(0, mostContracts(capacity) - held);
}
