import { randomUUID } from 'node:crypto';
import { lstat, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, createDirectories, flush, getErrorCode } from '@downstream/platform';
import { sha256Hex } from '@downstream/protocol';
import pLimit from 'p-limit';
import { isProbeFile } from './folder-probe.ts';

/** The name of a file that is being written: the hash, the process and a number. */
const PARTIAL_FILE = /^[0-9a-f]{64}\.\d+-\d+\.partial$/;
/** On a disk that hangs, each call blocks one of the threads that Node.js has for all files. */
const MAX_CONCURRENT_CALLS = 2;

/**
 * A folder of chunk files. A file whose name is a hash is complete and verified. A file that is being written ends in
 * `.partial` and is useless after a restart. Only regular files with such names are ever deleted: everything else, such
 * as a directory or a link, was put there by someone else.
 */
export class ChunkFiles {
  readonly folder: string;
  readonly #limit = pLimit(MAX_CONCURRENT_CALLS);
  readonly #pendingPaths = new Set<string>();
  #serial = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Creates the folder if necessary, readable only by its owner. */
  async create(): Promise<void> {
    await createDirectories(this.folder, 0o700);
  }

  /** @throws RangeError if `id` is not a hash, so that nothing else becomes part of a path */
  path(id: string): string {
    if (!sha256Hex.safeParse(id).success) throw new RangeError('the name of a chunk must have 64 hex characters');
    return join(this.folder, id);
  }

  /** A unique path to write a chunk to, until {@link commit} or {@link discard}. */
  partialPath(id: string): string {
    this.#serial += 1;
    const path = `${this.path(id)}.${process.pid}-${this.#serial}.partial`;
    this.#pendingPaths.add(path);
    return path;
  }

  /** Deletes a partial file. If that fails, {@link removePartial} deletes it later. */
  async discard(partialPath: string): Promise<void> {
    this.#pendingPaths.delete(partialPath);
    await this.#limit(async () => await rm(partialPath, { force: true }).catch(() => {}));
  }

  /**
   * Renames a complete, verified file to its hash. On return, content and name survive a power failure. Flushes here,
   * not in the worker that wrote the file, so that a slow disk does not block a thread of the pool.
   */
  async commit(partialPath: string, id: string): Promise<void> {
    const path = this.path(id);
    await this.#limit(async () => {
      await flush(partialPath);
      await this.#setAside(path);
      await rename(partialPath, path);
      this.#pendingPaths.delete(partialPath);
      await flush(this.folder);
    });
  }

  /** Deletes a chunk if it exists. */
  async remove(id: string): Promise<void> {
    const path = this.path(id);
    await this.#limit(async () => {
      if ((await findKind(path)) === 'file') await rm(path, { force: true });
    });
  }

  /** Renames what is not a chunk but has the name of one. */
  async #setAside(path: string): Promise<void> {
    if ((await findKind(path)) === 'other') await rename(path, `${path}.set-aside-${randomUUID().slice(0, 8)}`);
  }

  /** Whether the chunk in this folder is newer than its copy in another. */
  async isNewer(id: string, other: ChunkFiles): Promise<boolean> {
    const [here, there] = await Promise.all([stat(this.path(id)), stat(other.path(id)).catch(() => undefined)]);
    return there === undefined || here.mtimeMs > there.mtimeMs;
  }

  /** The sizes of chunks. Omits those that cannot be read. */
  async readSizes(ids: readonly string[]): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    const read = async (id: string) => {
      const file = await this.#limit(async () => await lstat(this.path(id)).catch(() => undefined));
      if (file !== undefined) sizes.set(id, file.size);
    };
    await Promise.all(ids.map(read));
    return sizes;
  }

  /** The hashes of all chunks. */
  async list(): Promise<Set<string>> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return new Set(entries.filter((entry) => entry.isFile() && sha256Hex.safeParse(entry.name).success).map(toName));
  }

  /**
   * Deletes partial files that are not being written, and those of probes, one by one.
   *
   * @param onError is called for each file that cannot be deleted
   * @returns how many were deleted
   */
  async removePartial(onError: (error: unknown) => void): Promise<number> {
    let deleted = 0;
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name);
      if (!(PARTIAL_FILE.test(name) || isProbeFile(name)) || this.#pendingPaths.has(path)) continue;
      try {
        const kind = await findKind(path);
        if (kind === 'other') throw new CodedError('ENOTFILE', `${path} is not a regular file`);
        await rm(path, { force: true });
        deleted += 1;
      } catch (error) {
        onError(error);
      }
    }
    return deleted;
  }
}

const toName = ({ name }: { readonly name: string }): string => name;

async function findKind(path: string): Promise<'file' | 'other' | undefined> {
  try {
    return (await lstat(path)).isFile() ? 'file' : 'other';
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
