import { stat } from 'node:fs/promises';
import { waitAtMost } from '@downstream/platform';

/** A data directory and the file system that it is on. */
export interface AllocatedSpace {
  readonly path: string;
  readonly capacityBytes: number;
  /** Chunks that are stored already. */
  readonly usedBytes: number;
  /** Of the file system; undefined if unknown. */
  readonly sizeBytes: number | undefined;
  readonly freeBytes: number | undefined;
}

/** Directories of one file system that cannot hold as much as their capacity. */
export interface ExcessCapacity {
  readonly paths: readonly string[];
  readonly capacityBytes: number;
  /** For chunks, including those that are stored already. */
  readonly usableBytes: number;
  readonly sizeBytes: number;
}

const TIMEOUT_MS = 2_000;

/** Finds file systems with less space for chunks than the capacity of the directories on them. */
export async function findExcessCapacity(
  folders: readonly AllocatedSpace[],
  { minFreeBytes }: { minFreeBytes: number },
): Promise<ExcessCapacity[]> {
  const devices = await Promise.all(folders.map(async ({ path }) => (await readDevice(path)) ?? path));
  const groups = Map.groupBy(folders, (_, at) => devices[at]);
  return [...groups.values()].flatMap((group) => computeExcess(group, minFreeBytes) ?? []);
}

async function readDevice(path: string): Promise<number | undefined> {
  try {
    return (await waitAtMost(TIMEOUT_MS, stat(path))).dev;
  } catch {
    return undefined;
  }
}

function computeExcess(group: readonly AllocatedSpace[], minFreeBytes: number): ExcessCapacity | undefined {
  const [first] = group;
  if (first?.freeBytes === undefined || first.sizeBytes === undefined) return undefined;
  const sum = (value: (folder: AllocatedSpace) => number) => group.reduce((total, folder) => total + value(folder), 0);
  const capacityBytes = sum((folder) => folder.capacityBytes);
  const usableBytes = sum((folder) => folder.usedBytes) + Math.max(0, first.freeBytes - minFreeBytes);
  if (capacityBytes <= usableBytes) return undefined;
  return { paths: group.map(({ path }) => path), capacityBytes, usableBytes, sizeBytes: first.sizeBytes };
}
