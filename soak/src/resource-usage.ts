import { readdirSync, readFileSync } from 'node:fs';

export interface ResourceSample {
  readonly memoryBytes: number;
  readonly openFiles: number;
}

/** The run needs so many samples of each third that a trend is visible. */
const MIN_SAMPLES = 30;
/** Garbage collection makes memory vary. */
const MAX_MEMORY_GROWTH = { share: 0.25, bytes: 32 * 1024 * 1024 };
const MAX_FILE_GROWTH = 8;

/** @returns undefined if the process has ended, or if the system has no `/proc` */
export function readResources(pid: number): ResourceSample | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { memoryBytes: Number(kibibytes) * 1024, openFiles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

/** @returns a sentence for each resource of which the farmer used more in the last third of a run than in the first */
export function findGrowth(samples: readonly ResourceSample[]): string[] {
  if (samples.length < MIN_SAMPLES) return [];
  const third = Math.floor(samples.length / 3);
  const [first, last] = [samples.slice(0, third), samples.slice(-third)];
  const memory = [first, last].map((part) => getMedian(part.map(({ memoryBytes }) => memoryBytes)));
  const files = [first, last].map((part) => getMedian(part.map(({ openFiles }) => openFiles)));
  const [memoryBefore = 0, memoryAfter = 0, filesBefore = 0, filesAfter = 0] = [...memory, ...files];
  const maxMemory = memoryBefore * (1 + MAX_MEMORY_GROWTH.share) + MAX_MEMORY_GROWTH.bytes;
  return [
    ...(memoryAfter > maxMemory
      ? [`memory grew from ${toMebibytes(memoryBefore)} to ${toMebibytes(memoryAfter)} MiB`]
      : []),
    ...(filesAfter > filesBefore + MAX_FILE_GROWTH ? [`open files grew from ${filesBefore} to ${filesAfter}`] : []),
  ];
}

export function toMebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function getMedian(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
