import type { ChunkFile, StateFile } from './data-dir.ts';

/** What a farmer that was killed left behind, and what it had promised. */
export interface Remains {
  /** Acknowledged, and not given up since. */
  readonly acknowledged: ReadonlySet<string>;
  /** What runs at the node. */
  readonly nodeContracts: ReadonlySet<string>;
  /** The state and its second copy: each of them has every contract. */
  readonly stateFiles: readonly StateFile[];
  readonly chunks: readonly ChunkFile[];
}

/** What is wrong with what was left behind; nothing, where the farmer kept its word. */
export function findViolations({ acknowledged, nodeContracts, stateFiles, chunks }: Remains): string[] {
  const owed = acknowledged.intersection(nodeContracts);
  return [
    ...stateFiles.flatMap(({ name, contracts, complaints }) => [
      ...[...owed.difference(contracts)].map(
        (id) => `lost: contract ${id} was acknowledged, the node has it, ${name} has not`,
      ),
      ...complaints.map((complaint) => `${name}: ${complaint}`),
    ]),
    ...chunks
      .filter(({ name, sha256 }) => name !== sha256)
      .map(({ name }) => `unsound: ${name} is not what its name says`),
  ];
}

/** What a start has to clear away: half-written chunks, and those of no contract. */
export function findLeftovers(names: readonly string[], inState: ReadonlySet<string>): string[] {
  return names.filter((name) => !inState.has(name));
}

/**
 * Whole chunks, by when they were written, that should still be there: deleted, or deleted and made again. A farmer deletes no chunk
 * whose contract the node has.
 */
export function deleted(
  whole: ReadonlyMap<string, number>,
  { now, nodeContracts }: { now: ReadonlyMap<string, number>; nodeContracts: ReadonlySet<string> },
): string[] {
  return [...whole]
    .filter(([name, writtenAt]) => nodeContracts.has(name) && now.get(name) !== writtenAt)
    .map(([name]) => name);
}

/** So many wrong answers, or such a share of those that passed, may be right ones that came just too late. */
const LATE = { most: 2, share: 0.01 };

/** Says so where more answers were late than a busy machine explains. */
export function checkLateAnswers({ late, passed }: { late: number; passed: number }): string[] {
  const most = Math.max(LATE.most, LATE.share * passed);
  return late <= most ? [] : [`late: ${late} answers came just after their round, of ${passed} that passed`];
}
