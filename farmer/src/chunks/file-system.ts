import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { getErrorCode } from '@downstream/platform';

/** Where a directory is, for an operator to check. */
export interface FileSystem {
  readonly mountPoint: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

/** The type of a container's root file system. `statfs` reports the size of the file system below it. */
const OVERLAY = 0x794c7630;

/** Finds the mount point, size and free space of the file system that a directory is on, or will be created on. */
export async function describeFileSystem(path: string): Promise<FileSystem> {
  let mountPoint = await findExisting(path);
  const { dev } = await stat(mountPoint);
  while (mountPoint !== '/' && (await stat(dirname(mountPoint))).dev === dev) mountPoint = dirname(mountPoint);
  const { bsize, blocks, bavail } = await statfs(mountPoint);
  return { mountPoint, sizeBytes: bsize * blocks, freeBytes: bsize * bavail };
}

/** @returns the first of `others` that is on the same file system as `path`; undefined if none is */
export async function findSharedFileSystem(path: string, others: readonly string[]): Promise<string | undefined> {
  const existing = await findExisting(path);
  for (const other of others) if (await isSameFileSystem(existing, other)) return other;
  return undefined;
}

async function isSameFileSystem(path: string, other: string): Promise<boolean> {
  const [here, there] = await Promise.all([stat(path), stat(other)]);
  if (here.dev === there.dev) return true;
  const [space, otherSpace] = await Promise.all([statfs(path), statfs(other)]);
  const isBelow = otherSpace.type === OVERLAY && space.blocks === otherSpace.blocks && space.files === otherSpace.files;
  return isBelow && space.bsize === otherSpace.bsize;
}

/** The directory, or the closest one above it that exists. */
async function findExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (getErrorCode(error) !== 'ENOENT' || path === '/') throw error;
    return await findExisting(dirname(path));
  }
}
