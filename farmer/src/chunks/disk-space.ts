import { statfs } from 'node:fs/promises';
import { waitAtMost } from '@downstream/platform';

/** The file system that a folder lies on, in bytes. */
export interface FileSystemSpace {
  readonly sizeBytes: number;
  /** What a user without privileges can still write. */
  readonly freeBytes: number;
}

const TIMEOUT_MS = 2_000;

/** Asks the file system for its room. One that hangs is asked once, not once a scrape: each question holds a thread. */
export class DiskSpace {
  readonly #path: string;
  #asked: Promise<FileSystemSpace> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws TimeoutError, or the file system's error */
  async read(): Promise<FileSystemSpace> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined;
    });
    return await waitAtMost(TIMEOUT_MS, this.#asked);
  }

  async #ask(): Promise<FileSystemSpace> {
    const { bsize, blocks, bavail } = await statfs(this.#path);
    return { sizeBytes: bsize * blocks, freeBytes: bsize * bavail };
  }
}
