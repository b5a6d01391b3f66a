import { statfs } from 'node:fs/promises';
import { waitAtMost } from '@downstream/platform';
import { shareCalls } from './share-calls.ts';

/** The size of a file system. */
export interface FileSystemSpace {
  readonly sizeBytes: number;
  /** Available to users without privileges. */
  readonly freeBytes: number;
  /** How many more files can be created; undefined if the file system has no fixed number of inodes. */
  readonly freeFiles?: number | undefined;
}

const TIMEOUT_MS = 2_000;
/** Files that chunks leave free: the state needs some at each start. */
export const RESERVED_FILES = 16;

/** @returns a function that reads the size of the file system that a folder is on, and throws if it does not respond */
export function createSpaceReader(path: string): () => Promise<FileSystemSpace> {
  const read = shareCalls(async () => {
    const { bsize, blocks, bavail, files, ffree } = await statfs(path);
    return { sizeBytes: bsize * blocks, freeBytes: bsize * bavail, freeFiles: files > 0 ? ffree : undefined };
  });
  return async () => await waitAtMost(TIMEOUT_MS, read());
}

/**
 * Which resource a file system was out of when a write failed: it has the same error for space and for inodes.
 *
 * @param code `ENOSPC` or `EDQUOT`
 */
export function describeShortage(code: string, space: FileSystemSpace | undefined, neededBytes: number): string {
  if (code === 'EDQUOT') return 'disk quota used up';
  if (space === undefined) return 'no free space or inodes';
  if ((space.freeFiles ?? Number.POSITIVE_INFINITY) < RESERVED_FILES) return 'no free inodes';
  return space.freeBytes < neededBytes ? 'no free space' : 'quota or another limit of the file system reached';
}
