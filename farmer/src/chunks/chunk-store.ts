import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { codeOf, TimeoutError, withTimeout } from '@downstream/platform';
import type { ChunkSource } from '../contract/contract.ts';
import { CHUNK_FAULTS, ChunkError, type ChunkFault, NodeError } from '../farming/errors.ts';
import type { CallOptions, ChunkPort } from '../farming/ports.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { OWNER_ONLY } from './chunk-work.ts';
import type { Genesis } from './genesis.ts';
import { fileError, type WorkerPool } from './worker-pool.ts';

/** Where a contract's URL is fetched from. */
interface DownloadPort {
  download(url: string, options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Readable>;
}

export interface ChunkStoreOptions {
  readonly genesis: Genesis;
  /** Origins that chunks may be downloaded from: the node's own, and those that the operator adds. */
  readonly downloadOrigins: ReadonlySet<string>;
}

/** Told how long the work took, in seconds, and what was wrong with a chunk. */
export interface ChunkWorkObserver {
  generated(seconds: number): void;
  proved(seconds: number): void;
  faulted(fault: ChunkFault): void;
}

interface ChunkStoreParts {
  readonly files: ChunkFiles;
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly downloads: DownloadPort;
  readonly observer?: ChunkWorkObserver;
}

const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

/** Chunks on disk: made, fetched, proved and deleted; nothing gets a chunk's name before its hash was checked. */
export class ChunkStore implements ChunkPort {
  readonly #options: ChunkStoreOptions;
  readonly #parts: ChunkStoreParts;

  constructor(options: ChunkStoreOptions, parts: ChunkStoreParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async create(id: string, source: ChunkSource, options: CallOptions = {}): Promise<void> {
    const { files } = this.#parts;
    const partialPath = files.partialPath(id);
    try {
      const hash = await this.#write(partialPath, source, options);
      if (hash !== id) throw new ChunkError('hash_mismatch', 'the chunk is not the one that the contract names');
      await files.commit(partialPath, id);
    } catch (error) {
      await rm(partialPath, { force: true });
      throw this.#chunkError(error);
    }
  }

  /** Makes the chunk of a secret, whatever its hash is, and returns the hash that names it. */
  async generate(secret: string): Promise<string> {
    const { files } = this.#parts;
    const partialPath = files.partialPath('0'.repeat(64));
    try {
      const hash = await this.#write(partialPath, { kind: 'secret', secret }, {});
      await files.commit(partialPath, hash);
      return hash;
    } catch (error) {
      await rm(partialPath, { force: true });
      throw this.#chunkError(error);
    }
  }

  async prove(id: string, challenge: string): Promise<string> {
    const { files, pool, observer } = this.#parts;
    try {
      const { value, seconds } = await pool.run({ kind: 'prove', path: files.path(id), challenge });
      observer?.proved(seconds);
      if (value.chunkHash !== id) throw new ChunkError('corrupt', 'the chunk on disk is not what it was');
      return value.response;
    } catch (error) {
      throw this.#chunkError(error);
    }
  }

  async verify(id: string): Promise<void> {
    const { files, pool } = this.#parts;
    try {
      const { value } = await pool.run({ kind: 'hash', path: files.path(id) });
      if (value !== id) throw new ChunkError('corrupt', 'the chunk on disk is not what it was');
    } catch (error) {
      throw this.#chunkError(error);
    }
  }

  async remove(id: string): Promise<void> {
    await this.#parts.files.remove(id);
  }

  #chunkError(error: unknown): ChunkError {
    const chunkError = asChunkError(error);
    const fault = CHUNK_FAULTS.find((one) => one === chunkError.code);
    if (fault !== undefined) this.#parts.observer?.faulted(fault);
    return chunkError;
  }

  async #write(path: string, source: ChunkSource, { signal }: CallOptions): Promise<string> {
    const { pool, observer } = this.#parts;
    const { genesis } = this.#options;
    if (source.kind === 'url') {
      await withTimeout(
        { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal },
        async (bounded) => await this.#download(source.url, path, bounded),
      );
      return (await pool.run({ kind: 'hash', path })).value;
    }
    const { value, seconds } = await pool.run({
      kind: 'chunk',
      path,
      genesisPath: genesis.path,
      genesisSha256: genesis.sha256,
      secret: source.secret,
    });
    observer?.generated(seconds);
    return value;
  }

  /** A chunk is as long as the genesis file: a byte more is refused. */
  async #download(url: string, path: string, signal: AbortSignal): Promise<void> {
    const { genesis, downloadOrigins } = this.#options;
    if (!downloadOrigins.has(new URL(url).origin)) {
      throw new ChunkError(
        'download_refused',
        'the contract points to another server than the node: allow it with FARMER_DOWNLOAD_ORIGINS if you trust it',
      );
    }
    const body = await this.#parts.downloads.download(url, { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal });
    const blocks = bounded(whole(addAbortSignal(signal, body)), genesis.size);
    await pipeline(blocks, createWriteStream(path, { flags: 'wx', mode: OWNER_ONLY }), { signal });
  }
}

/** A body that breaks off is told apart from a file that can't be written. */
async function* whole(body: Readable): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw new ChunkError('download_failed', 'the download broke off', { cause: codeOf(error) ?? 'unknown' });
  }
}

async function* bounded(blocks: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const block of blocks) {
    bytes += block.length;
    if (bytes > mostBytes) throw new ChunkError('download_refused', 'the download is longer than a chunk');
    yield block;
  }
}

function asChunkError(error: unknown): ChunkError {
  if (error instanceof ChunkError) return error;
  if (error instanceof NodeError || error instanceof TimeoutError) {
    return new ChunkError('download_failed', 'the download failed', { cause: error.code });
  }
  return fileError(codeOf(error));
}
