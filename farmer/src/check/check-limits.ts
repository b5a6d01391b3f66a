import { readFileSync } from 'node:fs';
import { formatBytes } from '@downstream/platform';
import { type Finding, findingsOf } from './finding.ts';

/** Limits of this process and its container; undefined if there is none, or it is not known. */
export interface Limits {
  readonly openFiles: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Threads and processes. */
  readonly tasks: number | undefined;
  readonly cpus: number | undefined;
}

const MIN_OPEN_FILES = 1_024;
const MIN_MEMORY_BYTES = 384 * 1024 * 1024;
/** File threads, and threads of Node.js; workers are added. */
const BASE_TASKS = 96;
/** Version 1 of the control groups reports a huge number if there is no limit. */
const UNLIMITED_BYTES = 2 ** 60;

/** Reads the limits from the Linux kernel. */
export function readLimits(read: (path: string) => string | undefined = readText): Limits {
  const openFiles = /^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1];
  const group = '/sys/fs/cgroup';
  const [quota, period] = (read(`${group}/cpu.max`) ?? '').split(' ').map(Number);
  const quotaV1 = Number(read(`${group}/cpu/cpu.cfs_quota_us`));
  const periodV1 = Number(read(`${group}/cpu/cpu.cfs_period_us`));
  const memory = Number(read(`${group}/memory.max`) ?? read(`${group}/memory/memory.limit_in_bytes`));
  return {
    openFiles: toLimit(Number(openFiles)),
    memoryBytes: memory < UNLIMITED_BYTES ? toLimit(memory) : undefined,
    tasks: toLimit(Number(read(`${group}/pids.max`) ?? read(`${group}/pids/pids.max`))),
    cpus: toLimit(Number(quota) / Number(period)) ?? toLimit(quotaV1 / periodV1),
  };
}

/** Compares the limits with what a farmer needs. */
export function checkLimits(limits: Limits, { workers }: { workers: number }): Finding[] {
  const { ok, warning } = findingsOf('limits');
  const minTasks = BASE_TASKS + 2 * workers;
  const { openFiles, memoryBytes, tasks, cpus } = limits;
  const warnings = [
    isBelow(openFiles, MIN_OPEN_FILES) &&
      `only ${openFiles} open files are allowed: raise the limit to ${MIN_OPEN_FILES} (ulimit -n)`,
    isBelow(memoryBytes, MIN_MEMORY_BYTES) &&
      `only ${formatBytes(memoryBytes)} of memory are allowed: raise the limit of the container to ${formatBytes(MIN_MEMORY_BYTES)}`,
    isBelow(tasks, minTasks) && `only ${tasks} threads are allowed: raise the limit of the container to ${minTasks}`,
    isBelow(cpus, 1) &&
      `only ${cpus} processors are allowed: a throttled farmer misses deadlines; remove the limit of the container`,
  ].filter((text) => text !== false);
  if (warnings.length > 0) return warnings.map(warning);
  const memory = memoryBytes === undefined ? 'memory without limit' : `${formatBytes(memoryBytes)} of memory`;
  return [ok(`${openFiles ?? 'an unknown number of'} open files, ${memory}`)];
}

function isBelow(limit: number | undefined, minimum: number): limit is number {
  return limit !== undefined && limit < minimum;
}

function toLimit(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
