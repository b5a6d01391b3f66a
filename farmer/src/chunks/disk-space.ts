import { statfs } from 'node:fs/promises';
import { inTime } from '@downstream/platform';

/** The file system that a folder lies on, in bytes. */
export interface DiskReading {
  readonly sizeBytes: number;
  /** What a user without privileges can still write. */
  readonly freeBytes: number;
}

const TIMEOUT_MS = 2_000;

/** Asks the file system for its room. One that hangs is asked once, not once a scrape: each question holds a thread. */
export class DiskSpace {
  readonly #path: string;
  #asked: Promise<DiskReading> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws TimeoutError, or the file system's error */
  async read(): Promise<DiskReading> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined;
    });
    return await inTime(TIMEOUT_MS, this.#asked);
  }

  async #ask(): Promise<DiskReading> {
    const { bsize, blocks, bavail } = await statfs(this.#path);
    return { sizeBytes: bsize * blocks, freeBytes: bsize * bavail };
  }
}
