import { statfs } from 'node:fs/promises';
import { waitAtMost } from '@downstream/platform';
import { shareCalls } from './share-calls.ts';

/** The size of a file system. */
export interface FileSystemSpace {
  readonly sizeBytes: number;
  /** Available to users without privileges. */
  readonly freeBytes: number;
}

const TIMEOUT_MS = 2_000;

/** @returns a function that reads the size of the file system that a folder is on, and throws if it does not respond */
export function createSpaceReader(path: string): () => Promise<FileSystemSpace> {
  const read = shareCalls(async () => {
    const { bsize, blocks, bavail } = await statfs(path);
    return { sizeBytes: bsize * blocks, freeBytes: bsize * bavail };
  });
  return async () => await waitAtMost(TIMEOUT_MS, read());
}
