import { statfs } from 'node:fs/promises';
import { waitAtMost } from '@downstream/platform';

/** The size of a file system. */
export interface FileSystemSpace {
  readonly sizeBytes: number;
  /** Available to users without privileges. */
  readonly freeBytes: number;
}

const TIMEOUT_MS = 2_000;

/**
 * Reads the size of the file system that a folder is on. Concurrent calls share one system call: on a disk that hangs,
 * each call would block a thread.
 */
export class DiskSpace {
  readonly #path: string;
  #pending: Promise<FileSystemSpace> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws TimeoutError, or the error of the file system */
  async read(): Promise<FileSystemSpace> {
    this.#pending ??= this.#read().finally(() => {
      this.#pending = undefined;
    });
    return await waitAtMost(TIMEOUT_MS, this.#pending);
  }

  async #read(): Promise<FileSystemSpace> {
    const { bsize, blocks, bavail } = await statfs(this.#path);
    return { sizeBytes: bsize * blocks, freeBytes: bsize * bavail };
  }
}
