import { mkdirSync } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, flush } from '@downstream/platform';
import { sha256Hex } from '@downstream/protocol';

const PARTIAL = '.partial';

/**
 * The folder of chunk files. A file under its final name, 64 hex characters, is whole and was checked; one that is
 * being written ends in `.partial` and is worth nothing after a restart.
 */
export class ChunkFiles {
  readonly folder: string;
  #serial = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder, readable by its owner alone, where it is not there. */
  create(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
  }

  /** @throws RangeError for anything that is not a hash: nothing else ever becomes part of a path */
  path(id: string): string {
    if (!sha256Hex.safeParse(id).success) throw new RangeError('a chunk is named by 64 hex characters');
    return join(this.folder, id);
  }

  /** A name to write under that no other attempt uses. */
  partialPath(id: string): string {
    this.#serial += 1;
    return `${this.path(id)}.${process.pid}-${this.#serial}${PARTIAL}`;
  }

  /**
   * Gives a whole, checked file its name, for good: on return bytes and name survive a power failure. The flush happens here,
   * not in the worker that wrote the file, so that no thread of the pool is held by the disk.
   */
  async commit(partialPath: string, id: string): Promise<void> {
    await flush(partialPath);
    await this.#clear(id);
    await rename(partialPath, this.path(id));
    await flush(this.folder);
  }

  /** Deletes a chunk; one that is not there is fine. */
  async remove(id: string): Promise<void> {
    await rm(this.path(id), { force: true, recursive: true });
  }

  /** Whatever is there in a chunk's place and is no file (a folder, say) can't be replaced: it goes first. */
  async #clear(id: string): Promise<void> {
    try {
      if ((await lstat(this.path(id))).isDirectory()) await this.remove(id);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  /** The hashes of every chunk there is. */
  async list(): Promise<Set<string>> {
    return new Set((await readdir(this.folder)).filter((name) => sha256Hex.safeParse(name).success));
  }

  /** Deletes what was left half-written. @returns how many files */
  async removePartial(): Promise<number> {
    const partial = (await readdir(this.folder)).filter((name) => name.endsWith(PARTIAL));
    await Promise.all(partial.map((name) => rm(join(this.folder, name), { force: true })));
    return partial.length;
  }
}
