import { lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { flush, getErrorCode } from '@downstream/platform';
import { sha256Hex } from '@downstream/protocol';
import pLimit from 'p-limit';

const PARTIAL = '.partial';
/** On a disk that hangs each call holds one of the threads that Node.js has for all files. */
const MAX_CONCURRENT_CALLS = 2;

/**
 * The folder of chunk files. A file under its final name, 64 hex characters, is whole and was checked; one that is
 * being written ends in `.partial` and is worth nothing after a restart.
 */
export class ChunkFiles {
  readonly folder: string;
  readonly #limit = pLimit(MAX_CONCURRENT_CALLS);
  readonly #pendingPaths = new Set<string>();
  #serial = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder, readable by its owner alone, where it is not there. */
  async create(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  /** @throws RangeError for anything that is not a hash: nothing else ever becomes part of a path */
  path(id: string): string {
    if (!sha256Hex.safeParse(id).success) throw new RangeError('a chunk is named by 64 hex characters');
    return join(this.folder, id);
  }

  /** A name to write under that no other attempt uses, until it is given up with {@link discard}, or has its own name. */
  partialPath(id: string): string {
    this.#serial += 1;
    const path = `${this.path(id)}.${process.pid}-${this.#serial}${PARTIAL}`;
    this.#pendingPaths.add(path);
    return path;
  }

  /** Deletes what is written under such a name; where that can't be done, {@link removePartial} does it later. */
  async discard(partialPath: string): Promise<void> {
    this.#pendingPaths.delete(partialPath);
    await this.#limit(async () => await rm(partialPath, { force: true }).catch(() => {}));
  }

  /**
   * Gives a whole, checked file its name, for good: on return bytes and name survive a power failure. The flush happens here,
   * not in the worker that wrote the file, so that no thread of the pool is held by the disk.
   */
  async commit(partialPath: string, id: string): Promise<void> {
    const path = this.path(id);
    await this.#limit(async () => {
      await flush(partialPath);
      await this.#clear(path);
      await rename(partialPath, path);
      this.#pendingPaths.delete(partialPath);
      await flush(this.folder);
    });
  }

  /** Deletes a chunk; one that is not there is fine. */
  async remove(id: string): Promise<void> {
    const path = this.path(id);
    await this.#limit(async () => await rm(path, { force: true, recursive: true }));
  }

  /** Whatever is there in a chunk's place and is no file (a folder, say) can't be replaced: it goes first. */
  async #clear(path: string): Promise<void> {
    try {
      if ((await lstat(path)).isDirectory()) await rm(path, { force: true, recursive: true });
    } catch (error) {
      if (getErrorCode(error) !== 'ENOENT') throw error;
    }
  }

  /** Whether the chunk that is here was written after the one in another folder. */
  async isNewer(id: string, other: ChunkFiles): Promise<boolean> {
    const [here, there] = await Promise.all([stat(this.path(id)), stat(other.path(id)).catch(() => undefined)]);
    return there === undefined || here.mtimeMs > there.mtimeMs;
  }

  /** The hashes of every chunk there is. */
  async list(): Promise<Set<string>> {
    return new Set((await readdir(this.folder)).filter((name) => sha256Hex.safeParse(name).success));
  }

  /**
   * Deletes what was left half-written, and is not being written, one after the other.
   *
   * @param failed hears of each that can't be deleted
   * @returns how many were
   */
  async removePartial(failed: (error: unknown) => void): Promise<number> {
    let deleted = 0;
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name);
      if (!name.endsWith(PARTIAL) || this.#pendingPaths.has(path)) continue;
      try {
        await rm(path, { force: true });
        deleted += 1;
      } catch (error) {
        failed(error);
      }
    }
    return deleted;
  }
}
