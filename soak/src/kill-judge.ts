import type { ChunkFile } from './data-dir.ts';

/** What a farmer that was killed left behind, and what it had promised. */
export interface Remains {
  /** Acknowledged, and not given up since. */
  readonly acknowledged: ReadonlySet<string>;
  /** What runs at the node. */
  readonly onBooks: ReadonlySet<string>;
  readonly inState: ReadonlySet<string>;
  /** What SQLite finds wrong with the state. */
  readonly complaints: readonly string[];
  readonly chunks: readonly ChunkFile[];
}

/** What is wrong with what was left behind; nothing, where the farmer kept its word. */
export function wrongWith({ acknowledged, onBooks, inState, complaints, chunks }: Remains): string[] {
  const lost = [...acknowledged].filter((id) => onBooks.has(id) && !inState.has(id));
  return [
    ...lost.map((id) => `lost: contract ${id} was acknowledged, the node has it, the state has not`),
    ...complaints.map((complaint) => `state: ${complaint}`),
    ...chunks
      .filter(({ name, sha256 }) => name !== sha256)
      .map(({ name }) => `unsound: ${name} is not what its name says`),
  ];
}

/** What a start has to clear away: half-written chunks, and those of no contract. */
export function leftBehind(names: readonly string[], inState: ReadonlySet<string>): string[] {
  return names.filter((name) => !inState.has(name));
}
