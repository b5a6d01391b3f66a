import { open } from 'node:fs/promises';
import { TimeoutError, waitAtMost, withTimeout } from '@downstream/platform';
import type { ChunkTerms } from '../contract/contract.ts';
import { CHUNK_ERROR_KINDS, ChunkError, type ChunkErrorCode, type ChunkErrorKind } from '../farming/errors.ts';
import type { CallOptions, ChunkPort, ProofOutcome, ProofRequest } from '../farming/ports.ts';
import { type DownloadPort, readBody } from './chunk-download.ts';
import { toChunkError } from './chunk-errors.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { GENESIS_UNREADABLE, OWNER_ONLY } from './chunk-io.ts';
import { type Genesis, GenesisRepair } from './genesis.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface ChunkStoreOptions {
  readonly genesis: Genesis;
  /** Limit for reading or generating one chunk. */
  readonly timeoutMs?: number;
}

/** Receives durations and errors for metrics. */
export interface ChunkObserver {
  generated(seconds: number): void;
  proved(seconds: number): void;
  chunkFailed(kind: ChunkErrorKind): void;
}

/** A chunk and the space that it needs. */
export type SizedChunk = Pick<ChunkTerms, 'id' | 'sizeBytes'>;

/** A folder of chunks. */
export interface ChunkLocation {
  readonly files: ChunkFiles;
}

/** Finds chunks, and space for new ones. */
export interface ChunkLocationPort<L extends ChunkLocation> {
  find(id: string): L | undefined;
  /** Reserves space until the chunk is stored or cancelled. @throws ChunkError `no_space` */
  reserve(chunk: SizedChunk): L;
}

/** Receives what happens to chunks, to account for space and to judge the health of disks. */
export interface ChunkEventPort<L extends ChunkLocation> {
  /** A reservation ended with a chunk. */
  stored(chunk: SizedChunk, location: L): void;
  /** A reservation ended without a chunk. */
  cancelled(chunk: SizedChunk, location: L): void;
  removed(id: string): void;
  /** A chunk was read in time. */
  read(id: string, location: L): void;
  failed(id: string, location: L, error: ChunkError): void;
}

export interface ChunkStoreDeps<L extends ChunkLocation> {
  readonly locations: ChunkLocationPort<L>;
  readonly events?: ChunkEventPort<L>;
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly observer?: ChunkObserver;
  /** Restores the genesis file if it is damaged. */
  readonly repairGenesis?: () => Promise<unknown>;
}

const ERROR_KIND_BY_CODE: Partial<Record<ChunkErrorCode, ChunkErrorKind>> = {
  no_space: 'disk_full',
  download_rejected: 'download_failed',
};
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** A read that took at least this long and timed out counts against the disk. */
const SLOW_MS = 10_000;
const UNKNOWN_ID = '0'.repeat(64);

/** Writes a chunk to a new file. @returns its hash */
type WriteChunk = (path: string) => Promise<string>;

/**
 * Generates, downloads, proves and deletes the chunks of all nodes. A file is named as a chunk only after its hash was
 * verified. A chunk is created only after a pending deletion of the same chunk has finished.
 */
export class ChunkStore<L extends ChunkLocation = ChunkLocation> {
  readonly #options: ChunkStoreOptions;
  readonly #deps: ChunkStoreDeps<L>;
  readonly #genesisRepair: GenesisRepair;
  /** How many times each chunk is being created. */
  readonly #pending = new Map<string, number>();
  readonly #removals = new Map<string, Promise<void>>();

  constructor(options: ChunkStoreOptions, deps: ChunkStoreDeps<L>) {
    this.#options = options;
    this.#deps = deps;
    this.#genesisRepair = new GenesisRepair({ genesis: options.genesis, timeoutMs: this.#limit() }, deps);
  }

  /** The chunks of one node's contracts. */
  forNode(downloads: DownloadPort): ChunkPort {
    return {
      create: async (chunk, options) => await this.#create(chunk, { ...options, downloads }),
      prove: async (...args) => await this.prove(...args),
      verify: async (...args) => await this.verify(...args),
      remove: async (id) => await this.remove(id),
    };
  }

  async #create(
    { id, source, sizeBytes }: ChunkTerms,
    { downloads, ...options }: CallOptions & { readonly downloads: DownloadPort },
  ): Promise<void> {
    const { repairs } = this.#genesisRepair;
    const writeChunk: WriteChunk = async (path) => {
      switch (source.kind) {
        case 'url':
          return await this.#download(path, { url: source.url, downloads }, options);
        case 'secret':
          return await this.#generate(path, source.secret, options);
        case 'seed':
          throw new ChunkError('hash_mismatch', 'seeded chunks are not supported');
      }
    };
    this.#countPending(id, 1);
    try {
      await this.#waitForRemoval(id);
      await this.#write({ id, sizeBytes }, writeChunk, async (hash) => {
        if (hash === id) return;
        if (source.kind === 'secret') await this.#genesisRepair.assertIntact(repairs);
        else this.#deps.observer?.chunkFailed('download_failed');
        throw new ChunkError('hash_mismatch', 'the hash of the chunk differs from the contract');
      });
    } finally {
      this.#countPending(id, -1);
    }
  }

  /** Generates the chunk of a secret. @returns its hash, which names the chunk */
  async generate(secret: string): Promise<string> {
    return await this.#write(
      { id: UNKNOWN_ID, sizeBytes: this.#options.genesis.size },
      async (path) => await this.#generate(path, secret, {}),
      async () => {},
    );
  }

  /** Reads chunks and computes the responses to their challenges. */
  async prove(requests: readonly ProofRequest[], options: CallOptions = {}): Promise<ProofOutcome[]> {
    return await Promise.all(
      requests.map(async ({ chunk, challenge }) => {
        try {
          return { response: await this.proveDigest(chunk.id, challenge, options) };
        } catch (error) {
          return { error: toChunkError(error) };
        }
      }),
    );
  }

  /** Reads the chunk and computes the response of the prototype API. @throws ChunkError */
  async proveDigest(id: string, challenge: string, options: CallOptions = {}): Promise<string> {
    const { pool, observer } = this.#deps;
    return await this.#read(id, options, async (path, bounds) => {
      const { value, seconds } = await pool.run({ kind: 'prove', path, challenge }, bounds);
      observer?.proved(seconds);
      return { hash: value.chunkHash, result: value.response };
    });
  }

  /** Reads the chunk and compares it with its hash. @throws ChunkError */
  async verify({ id }: ChunkTerms, options: CallOptions = {}): Promise<void> {
    await this.#read(id, options, async (path, bounds) => {
      const { value } = await this.#deps.pool.run({ kind: 'hash', path }, bounds);
      return { hash: value, result: undefined };
    });
  }

  async remove(id: string): Promise<void> {
    const { locations, events } = this.#deps;
    const location = locations.find(id);
    events?.removed(id);
    if (location === undefined) return;
    const removal = location.files.remove(id);
    const finished = removal
      .catch(() => {})
      .then(() => {
        if (this.#removals.get(id) === finished) this.#removals.delete(id);
      });
    this.#removals.set(id, finished);
    await removal;
  }

  /** A removal that is still waiting for its disk would delete the new file. */
  async #waitForRemoval(id: string): Promise<void> {
    const removal = this.#removals.get(id);
    if (removal !== undefined) await this.#waitForDisk('deleting a chunk', removal, async () => {});
  }

  #countPending(id: string, by: 1 | -1): void {
    const count = (this.#pending.get(id) ?? 0) + by;
    if (count > 0) this.#pending.set(id, count);
    else this.#pending.delete(id);
  }

  async #read<T>(
    id: string,
    { signal, timeoutMs }: CallOptions,
    work: (path: string, bounds: CallOptions) => Promise<{ hash: string; result: T }>,
  ): Promise<T> {
    const { locations, events } = this.#deps;
    const location = locations.find(id);
    if (location === undefined) throw this.#count(new ChunkError('unreadable', 'no usable disk has the chunk'));
    const limitMs = this.#limit(timeoutMs);
    try {
      const { hash, result } = await work(location.files.path(id), { signal, timeoutMs: limitMs });
      events?.read(id, location);
      if (hash !== id) throw new ChunkError('corrupt', 'the chunk does not match its hash');
      return result;
    } catch (error) {
      const failure = toChunkError(error);
      // A short limit before a deadline says nothing about the disk.
      if (failure.code === 'slow' && limitMs < this.#limit(SLOW_MS)) throw this.#count(failure);
      throw this.#fail(id, location, failure);
    }
  }

  /** Writes a chunk under a temporary name, and renames it to its hash after `verify` accepted it. */
  async #write(chunk: SizedChunk, writeChunk: WriteChunk, verify: (hash: string) => Promise<void>): Promise<string> {
    const location = this.#reserve(chunk);
    const partialPath = location.files.partialPath(chunk.id);
    try {
      const hash = await writeChunk(partialPath);
      await verify(hash);
      await this.#commit(location, partialPath, hash);
      this.#deps.events?.stored({ ...chunk, id: hash }, location);
      return hash;
    } catch (error) {
      throw await this.#discard(chunk, { location, partialPath }, toChunkError(error));
    }
  }

  async #generate(path: string, secret: string, { signal, timeoutMs }: CallOptions): Promise<string> {
    const { pool, observer } = this.#deps;
    const { path: genesisPath, sha256: genesisSha256 } = this.#options.genesis;
    const { value, seconds } = await pool.run(
      { kind: 'chunk', path, genesisPath, genesisSha256, secret },
      { signal, timeoutMs: this.#limit(timeoutMs) },
    );
    observer?.generated(seconds);
    return value;
  }

  async #download(
    path: string,
    { url, downloads }: { url: string; downloads: DownloadPort },
    { signal, timeoutMs }: CallOptions,
  ): Promise<string> {
    await withTimeout({ timeoutMs: DOWNLOAD_TIMEOUT_MS, signal }, async (bounded) => {
      // Opened before the download starts and closed on return: no file appears after a failure.
      const opening = open(path, 'wx', OWNER_ONLY);
      await using file = await this.#waitForDisk('opening a file', opening, async (opened) => await opened.close());
      const body = await downloads.download(url, { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal: bounded });
      const maxBytes = this.#options.genesis.size;
      await file.writeFile(readBody(body, { maxBytes, signal: bounded }), { signal: bounded });
    });
    return (await this.#deps.pool.run({ kind: 'hash', path }, { signal, timeoutMs: this.#limit(timeoutMs) })).value;
  }

  /** After a timeout the commit may still succeed. The file is then complete, and is deleted unless it is needed. */
  async #commit(location: L, partialPath: string, id: string): Promise<void> {
    const commit = location.files.commit(partialPath, id);
    await this.#waitForDisk('flushing a chunk', commit, async () => await this.#removeLateChunk(id, location));
  }

  /** @param onLate cleans up if the work completes after the timeout @throws ChunkError `slow` */
  async #waitForDisk<T>(operation: string, work: Promise<T>, onLate: (result: T) => Promise<unknown>): Promise<T> {
    const limitMs = this.#limit();
    try {
      return await waitAtMost(limitMs, work);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      void work.then(onLate).catch(() => {});
      throw new ChunkError('slow', `${operation} took longer than ${limitMs} ms`);
    }
  }

  async #removeLateChunk(id: string, location: L): Promise<void> {
    if (this.#deps.locations.find(id) === undefined && !this.#pending.has(id)) await location.files.remove(id);
  }

  /** Cleans up after a failed write. @returns the error to throw */
  async #discard(
    chunk: SizedChunk,
    { location, partialPath }: { location: L; partialPath: string },
    error: ChunkError,
  ): Promise<ChunkError> {
    this.#deps.events?.cancelled(chunk, location);
    const discarded = location.files.discard(partialPath);
    // Do not wait for a disk that hangs.
    if (error.code !== 'slow') await waitAtMost(this.#limit(), discarded).catch(() => {});
    if (error.details['cause'] !== GENESIS_UNREADABLE) return this.#fail(chunk.id, location, error);
    await this.#genesisRepair.repair();
    return this.#count(error);
  }

  #limit(timeoutMs = Number.POSITIVE_INFINITY): number {
    return Math.max(1, Math.min(timeoutMs, this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS));
  }

  #reserve(chunk: SizedChunk): L {
    try {
      return this.#deps.locations.reserve(chunk);
    } catch (error) {
      throw this.#count(toChunkError(error));
    }
  }

  #fail(id: string, location: L, error: ChunkError): ChunkError {
    this.#count(error);
    this.#deps.events?.failed(id, location, error);
    return error;
  }

  #count(error: ChunkError): ChunkError {
    const { code } = error;
    const kind = CHUNK_ERROR_KINDS.find((one) => one === (ERROR_KIND_BY_CODE[code] ?? code));
    if (kind !== undefined) this.#deps.observer?.chunkFailed(kind);
    return error;
  }
}
