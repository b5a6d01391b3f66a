import type { ChunkFile, StateFile } from './data-dir.ts';

/** What a killed farmer left on disk, and what it should have left. */
export interface Remains {
  /** Contracts that the farmer acknowledged and did not drop. */
  readonly acknowledged: ReadonlySet<string>;
  /** Contracts that are running at the node. */
  readonly running: ReadonlySet<string>;
  /** The state database, the tags if the API has any, and their replicas. Each must hold every contract. */
  readonly stateFiles: readonly StateFile[];
  readonly chunks: readonly ChunkFile[];
}

/** @returns a sentence for each contract lost, each database error and each corrupt chunk */
export function findViolations({ acknowledged, running, stateFiles, chunks }: Remains): string[] {
  const expected = acknowledged.intersection(running);
  return [
    ...stateFiles.flatMap(({ name, contracts, errors }) => [
      ...[...expected.difference(contracts)].map(
        (id) => `lost: contract ${id} was acknowledged and is running at the node, but is missing from ${name}`,
      ),
      ...errors.map((error) => `${name}: ${error}`),
    ]),
    ...chunks
      .filter(({ sha256, expected }) => expected !== undefined && sha256 !== expected)
      .map(({ name }) => `corrupt: chunk ${name} is not that of its contract`),
  ];
}

/** Files that the next start must delete: partial chunks, and chunks without a contract. */
export function findLeftovers(names: readonly string[], contracts: ReadonlySet<string>): string[] {
  return names.filter((name) => !contracts.has(name));
}

/**
 * Intact chunks that the farmer deleted, or deleted and rebuilt, although their contract is running.
 *
 * @param before modification times of intact chunks
 */
export function findDeletedChunks(
  before: ReadonlyMap<string, number>,
  { now, running }: { now: ReadonlyMap<string, number>; running: ReadonlySet<string> },
): string[] {
  return [...before]
    .filter(([name, modifiedAt]) => running.has(name) && now.get(name) !== modifiedAt)
    .map(([name]) => name);
}

/** A correct answer that arrives just after its round counts as wrong. On a busy machine a few of these are normal. */
const MAX_LATE = { count: 2, share: 0.01 };

/**
 * Event-loop delay of the node (99th percentile) from which on late answers show nothing about the farmers, because
 * the machine leaves this run little time. It is about 60 ms on two cores, and 120 ms beside two busy loops.
 */
const MAX_DELAY_MS = 200;

/** @returns a sentence if more answers were late than a busy machine explains */
export function checkLateAnswers({
  late,
  passed,
  delayMs,
}: {
  late: number;
  passed: number;
  delayMs: number;
}): string[] {
  const max = Math.max(MAX_LATE.count, MAX_LATE.share * passed);
  if (late <= max || delayMs > MAX_DELAY_MS) return [];
  return [`late: ${late} answers arrived just after their round; ${passed} passed`];
}

/** @returns a sentence for each count that is zero: the run has not tested what it should */
export function findZeroCounts(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count === 0)
    .map(([name]) => `inconclusive: no ${name}`);
}
