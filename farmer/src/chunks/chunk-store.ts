import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { getErrorCode, TimeoutError, waitAtMost, withTimeout } from '@downstream/platform';
import type { ChunkSource } from '../contract/contract.ts';
import {
  CHUNK_ERROR_KINDS,
  ChunkError,
  type ChunkErrorCode,
  type ChunkErrorKind,
  NodeError,
} from '../farming/errors.ts';
import type { CallOptions, ChunkPort } from '../farming/ports.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { GENESIS_UNREADABLE, OWNER_ONLY } from './chunk-io.ts';
import type { Genesis } from './genesis.ts';
import { fileError, type WorkerPool } from './worker-pool.ts';

/** Where a contract's URL is fetched from. */
interface DownloadPort {
  download(url: string, options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Readable>;
}

export interface ChunkStoreOptions {
  readonly genesis: Genesis;
  /** Origins that chunks may be downloaded from: the nodes' own, and those that the operator adds. */
  readonly downloadOrigins: ReadonlySet<string>;
  /** How long reading or making one chunk may take. */
  readonly timeoutMs?: number;
}

/** Told how long the work took, in seconds, and what was wrong with a chunk. */
export interface ChunkObserver {
  generated(seconds: number): void;
  proved(seconds: number): void;
  chunkFailed(fault: ChunkErrorKind): void;
}

/** Where a chunk is, or is to be. */
export interface Place {
  readonly files: ChunkFiles;
}

/** Who knows where chunks are: a folder, or many disks. */
export interface ChunkLocationPort<P extends Place> {
  /** Undefined where there is no such chunk. */
  of(id: string): P | undefined;
  /** A place for a chunk, kept until it is `stored` or `cancelled`. @throws ChunkError `no_space` */
  reserve(id: string): P;
  stored(id: string, place: P): void;
  cancelled(place: P): void;
  removed(id: string): void;
  worked(id: string, place: P): void;
  failed(id: string, place: P, error: ChunkError): void;
}

interface ChunkStoreDeps<P extends Place> {
  readonly places: ChunkLocationPort<P>;
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly downloads: DownloadPort;
  readonly observer?: ChunkObserver;
  /** Makes the genesis file again where it is not what it was. */
  readonly repairGenesis?: () => Promise<unknown>;
}

/** What is counted under another name. */
const ERROR_KIND_BY_CODE: Partial<Record<ChunkErrorCode, ChunkErrorKind>> = {
  no_space: 'disk_full',
  download_rejected: 'download_failed',
};
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** A disk that gave nothing for so long is slow, whatever it was asked for. */
const SLOW_MS = 10_000;

/** Chunks on disk: made, fetched, proved and deleted; nothing gets a chunk's name before its hash was checked. */
export class ChunkStore<P extends Place = Place> implements ChunkPort {
  readonly #options: ChunkStoreOptions;
  readonly #deps: ChunkStoreDeps<P>;
  /** Chunks in the making. */
  readonly #making = new Set<string>();
  #repair: Promise<unknown> | undefined;
  /** How often the genesis file was made again. */
  #repairs = 0;

  constructor(options: ChunkStoreOptions, parts: ChunkStoreDeps<P>) {
    this.#options = options;
    this.#deps = parts;
  }

  async create(id: string, source: ChunkSource, options: CallOptions = {}): Promise<void> {
    const { places } = this.#deps;
    const place = this.#reserve(id);
    const partialPath = place.files.partialPath(id);
    const repairs = this.#repairs;
    this.#making.add(id);
    try {
      const hash = await this.#write(partialPath, source, options);
      if (hash !== id) {
        if (source.kind === 'secret') await this.#assertGenesisIntact(repairs);
        else this.#deps.observer?.chunkFailed('download_failed');
        throw new ChunkError('hash_mismatch', 'the chunk is not the one that the contract names');
      }
      await this.#commit(place, partialPath, id);
      places.stored(id, place);
    } catch (error) {
      throw await this.#cleanUpFailedWrite(id, { place, partialPath, error });
    } finally {
      this.#making.delete(id);
    }
  }

  /** Makes the chunk of a secret, whatever its hash is, and returns the hash that names it. */
  async generate(secret: string): Promise<string> {
    const { places } = this.#deps;
    const unnamed = '0'.repeat(64);
    const place = this.#reserve(unnamed);
    const partialPath = place.files.partialPath(unnamed);
    try {
      const hash = await this.#write(partialPath, { kind: 'secret', secret }, {});
      await this.#commit(place, partialPath, hash);
      places.stored(hash, place);
      return hash;
    } catch (error) {
      throw await this.#cleanUpFailedWrite(unnamed, { place, partialPath, error });
    }
  }

  async prove(id: string, challenge: string, options: CallOptions = {}): Promise<string> {
    const { pool, observer } = this.#deps;
    return await this.#read(id, options, async (path, bounds) => {
      const { value, seconds } = await pool.run({ kind: 'prove', path, challenge }, bounds);
      observer?.proved(seconds);
      return { hash: value.chunkHash, result: value.response };
    });
  }

  async verify(id: string, options: CallOptions = {}): Promise<void> {
    await this.#read(id, options, async (path, bounds) => {
      const { value } = await this.#deps.pool.run({ kind: 'hash', path }, bounds);
      return { hash: value, result: undefined };
    });
  }

  async remove(id: string): Promise<void> {
    const { places } = this.#deps;
    const place = places.of(id);
    places.removed(id);
    await place?.files.remove(id);
  }

  async #read<T>(
    id: string,
    { signal, timeoutMs }: CallOptions,
    work: (path: string, bounds: CallOptions) => Promise<{ hash: string; result: T }>,
  ): Promise<T> {
    const { places } = this.#deps;
    const place = places.of(id);
    if (place === undefined) throw this.#counted(new ChunkError('unreadable', 'the chunk is not there'));
    const boundMs = this.#bounded(timeoutMs);
    try {
      const { hash, result } = await work(place.files.path(id), { signal, timeoutMs: boundMs });
      places.worked(id, place);
      if (hash !== id) throw new ChunkError('corrupt', 'the chunk on disk is not what it was');
      return result;
    } catch (error) {
      const failure = asChunkError(error);
      // A deadline that was near says nothing of the disk.
      if (failure.code === 'slow' && boundMs < this.#bounded(SLOW_MS)) throw this.#counted(failure);
      throw this.#failed(id, place, failure);
    }
  }

  /** SettingsInput up, it may go on: the name is given to nothing but a whole chunk, now or later. @throws ChunkError `slow` */
  async #commit(place: P, partialPath: string, id: string): Promise<void> {
    const commit = place.files.commit(partialPath, id);
    await this.#promptly('a chunk was not flushed', commit, async () => await this.#removeLateChunk(id, place));
  }

  /** @param late what becomes of work that is done after it was given up @throws ChunkError `slow` */
  async #promptly<T>(what: string, work: Promise<T>, late: (result: T) => Promise<unknown>): Promise<T> {
    const boundMs = this.#bounded();
    try {
      return await waitAtMost(boundMs, work);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      void work.then(late).catch(() => {});
      throw new ChunkError('slow', `${what} within ${boundMs} ms`);
    }
  }

  /** A chunk that came after it was given up: nobody knows of it. One that is being made again takes its place. */
  async #removeLateChunk(id: string, place: P): Promise<void> {
    if (this.#deps.places.of(id) === undefined && !this.#making.has(id)) await place.files.remove(id);
  }

  async #cleanUpFailedWrite(
    id: string,
    { place, partialPath, error }: { place: P; partialPath: string; error: unknown },
  ): Promise<ChunkError> {
    const failure = asChunkError(error);
    this.#deps.places.cancelled(place);
    const discarded = place.files.discard(partialPath);
    // A disk that hangs is not waited for.
    if (failure.code !== 'slow') await waitAtMost(this.#bounded(), discarded).catch(() => {});
    if (failure.details['cause'] === GENESIS_UNREADABLE) {
      await this.#repairGenesis();
      return this.#counted(failure);
    }
    return this.#failed(id, place, failure);
  }

  #bounded(timeoutMs = Number.POSITIVE_INFINITY): number {
    return Math.max(1, Math.min(timeoutMs, this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS));
  }

  #reserve(id: string): P {
    try {
      return this.#deps.places.reserve(id);
    } catch (error) {
      throw this.#counted(asChunkError(error));
    }
  }

  #failed(id: string, place: P, error: unknown): ChunkError {
    const chunkError = this.#counted(asChunkError(error));
    this.#deps.places.failed(id, place, chunkError);
    return chunkError;
  }

  #counted(error: ChunkError): ChunkError {
    const { code } = error;
    const fault = CHUNK_ERROR_KINDS.find((one) => one === (ERROR_KIND_BY_CODE[code] ?? code));
    if (fault !== undefined) this.#deps.observer?.chunkFailed(fault);
    return error;
  }

  /** A genesis file that has rotted makes every chunk wrong: that is no reason to refuse contracts. */
  async #assertGenesisIntact(repairsBefore: number): Promise<void> {
    if (this.#repairs === repairsBefore && (await this.#isGenesisIntact())) return;
    throw new ChunkError('unreadable', 'the genesis file is not what it was', { cause: GENESIS_UNREADABLE });
  }

  /** One that can't be read is not: that is not put down to the disk that the chunk was for. */
  async #isGenesisIntact(): Promise<boolean> {
    const { path, sha256 } = this.#options.genesis;
    try {
      const { value } = await this.#deps.pool.run({ kind: 'hash', path }, { timeoutMs: this.#bounded() });
      return value === sha256;
    } catch (error) {
      const { code } = asChunkError(error);
      if (code === 'interrupted' || code === 'exhausted') throw error;
      return false;
    }
  }

  /** Makes the genesis file again where it is not what it was: once for all who noticed. Where it can't be made, the next one tries. */
  async #repairGenesis(): Promise<void> {
    this.#repair ??= Promise.resolve(this.#deps.repairGenesis?.())
      .then(() => {
        this.#repairs += 1;
      })
      .catch(() => {})
      .finally(() => {
        this.#repair = undefined;
      });
    await this.#repair;
  }

  async #write(path: string, source: ChunkSource, { signal, timeoutMs }: CallOptions): Promise<string> {
    const { pool, observer } = this.#deps;
    const { genesis } = this.#options;
    if (source.kind === 'url') {
      await withTimeout(
        { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal },
        async (bounded) => await this.#download(source.url, path, bounded),
      );
      return (await pool.run({ kind: 'hash', path }, { signal, timeoutMs: this.#bounded(timeoutMs) })).value;
    }
    const { secret } = source;
    const { value, seconds } = await pool.run(
      { kind: 'chunk', path, genesisPath: genesis.path, genesisSha256: genesis.sha256, secret },
      { signal, timeoutMs: this.#bounded(timeoutMs) },
    );
    observer?.generated(seconds);
    return value;
  }

  /** A chunk is as long as the genesis file: a byte more is refused. */
  async #download(url: string, path: string, signal: AbortSignal): Promise<void> {
    const { genesis, downloadOrigins } = this.#options;
    if (!downloadOrigins.has(new URL(url).origin)) {
      throw new ChunkError(
        'download_rejected',
        'the contract points to another server than the node: allow it with FARMER_DOWNLOAD_ORIGINS if you trust it',
      );
    }
    // The file is there before the body, and closed when this ends: one that breaks off at once leaves nothing to appear later.
    const opening = open(path, 'wx', OWNER_ONLY);
    await using file = await this.#promptly('a file was not opened', opening, async (opened) => await opened.close());
    const body = await this.#deps.downloads.download(url, { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal });
    await file.writeFile(bounded(whole(addAbortSignal(signal, body)), genesis.size), { signal });
  }
}

/** A body that breaks off is told apart from a file that can't be written. */
async function* whole(body: Readable): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw new ChunkError('download_failed', 'the download broke off', { cause: getErrorCode(error) ?? 'unknown' });
  }
}

async function* bounded(blocks: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const block of blocks) {
    bytes += block.length;
    if (bytes > mostBytes) throw new ChunkError('download_rejected', 'the download is longer than a chunk');
    yield block;
  }
}

function asChunkError(error: unknown): ChunkError {
  if (error instanceof ChunkError) return error;
  if (error instanceof NodeError || error instanceof TimeoutError) {
    return new ChunkError('download_failed', 'the download failed', { cause: error.code });
  }
  return fileError(getErrorCode(error));
}
