import { open } from 'node:fs/promises';
import { TimeoutError, waitAtMost, withTimeout } from '@downstream/platform';
import type { ChunkSource, ChunkTerms } from '../contract/contract.ts';
import { CHUNK_ERROR_KINDS, ChunkError, type ChunkErrorCode, type ChunkErrorKind } from '../farming/errors.ts';
import type { CallOptions, ChunkPort, ProofOutcome, ProofRequest } from '../farming/ports.ts';
import type { TaggedProofOutcome } from '../tags/tag-prover.ts';
import { type DownloadPort, readBody } from './chunk-download.ts';
import { createFileError, toChunkError } from './chunk-errors.ts';
import type { ChunkFiles } from './chunk-files.ts';
import type { DigestOutcome } from './chunk-io.ts';
import { GENESIS_UNREADABLE, OWNER_ONLY } from './chunk-io.ts';
import { type Genesis, GenesisRepair } from './genesis.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface ChunkStoreOptions {
  readonly genesis: Genesis;
  /** The folder of the tags, which proofs of a heartbeat scheme need. */
  readonly tagFolder?: string | undefined;
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
const NO_SOURCE: ChunkSource = { kind: 'secret', secret: '' };

interface PendingProof {
  readonly request: ProofRequest;
  readonly resolve: (outcome: ProofOutcome) => void;
}

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
      prove: (...args) => this.prove(...args),
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
          await this.#generateSeeded(path, { seed: source.seed, size: sizeBytes }, options);
          // There is no hash to compare with.
          return id;
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

  /** Reads chunks and computes the responses to their challenges: one job of a worker for each disk. */
  prove(requests: readonly ProofRequest[], options: CallOptions = {}): Promise<ProofOutcome>[] {
    const pending = requests.map((request) => ({ request, ...Promise.withResolvers<ProofOutcome>() }));
    const groups = Map.groupBy(pending, ({ request: { chunk } }) => this.#deps.locations.find(chunk.id));
    for (const [location, group] of groups) {
      const [digests, tagged] = partition(group, ({ request }) => request.chunk.proof === 'digest');
      if (location === undefined) {
        for (const { resolve } of group) resolve({ error: this.#count(createMissingError()) });
        continue;
      }
      if (digests.length > 0) void this.#proveDigests(location, digests, options);
      if (tagged.length > 0) void this.#proveTagged(location, tagged, options);
    }
    return pending.map(({ promise }) => promise);
  }

  /** Reads the chunk and computes the response of the prototype API. @throws ChunkError */
  async proveDigest(id: string, challenge: string, options: CallOptions = {}): Promise<string> {
    const chunk: ChunkTerms = { id, source: NO_SOURCE, sizeBytes: this.#options.genesis.size, proof: 'digest' };
    const [outcome] = await Promise.all(this.prove([{ chunk, challenge }], options));
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? createMissingError();
    return outcome.response;
  }

  async #proveDigests(location: L, proofs: readonly PendingProof[], options: CallOptions): Promise<void> {
    const requests = proofs.map(({ request: { chunk, challenge } }) => ({
      path: location.files.path(chunk.id),
      challenge,
    }));
    await this.#proveOn(location, proofs, options, async (bounds) => {
      const { value, seconds } = await this.#deps.pool.run({ kind: 'prove', requests }, bounds);
      return { outcomes: value.map((outcome, at) => toDigestOutcome(outcome, proofs[at])), seconds };
    });
  }

  async #proveTagged(location: L, proofs: readonly PendingProof[], options: CallOptions): Promise<void> {
    const requests = proofs.map(({ request: { chunk, challenge } }) => ({
      contractId: chunk.id,
      path: location.files.path(chunk.id),
      seed: chunk.source.kind === 'seed' ? chunk.source.seed : '',
      sizeBytes: chunk.sizeBytes,
      challenge,
    }));
    const { tagFolder: folder = '' } = this.#options;
    await this.#proveOn(location, proofs, options, async (bounds) => {
      const { value, seconds } = await this.#deps.pool.run({ kind: 'prove_tagged', folder, requests }, bounds);
      return { outcomes: value.map(toTaggedOutcome), seconds };
    });
  }

  /** Settles proofs on one disk, and records what they say about it. */
  async #proveOn(
    location: L,
    proofs: readonly PendingProof[],
    { signal, timeoutMs }: CallOptions,
    run: (bounds: CallOptions) => Promise<{ outcomes: ProofOutcome[]; seconds: number }>,
  ): Promise<void> {
    const limitMs = this.#limit(timeoutMs);
    try {
      const { outcomes, seconds } = await run({ signal, timeoutMs: limitMs });
      for (const [at, { request, resolve }] of proofs.entries()) {
        const { id } = request.chunk;
        const outcome = outcomes[at] ?? { error: createMissingError() };
        this.#deps.observer?.proved(seconds / proofs.length);
        if (!('error' in outcome)) this.#deps.events?.read(id, location);
        else if (isAboutChunk(outcome.error)) this.#fail(id, location, outcome.error);
        resolve(outcome);
      }
    } catch (error) {
      const failure = this.#failRead(proofs[0]?.request.chunk.id ?? UNKNOWN_ID, location, { error, limitMs });
      for (const { resolve } of proofs) resolve({ error: failure });
    }
  }

  /** Reads the chunk and compares it with its hash or seed. @throws ChunkError */
  async verify({ id, source, sizeBytes }: ChunkTerms, { signal, timeoutMs }: CallOptions = {}): Promise<void> {
    const { locations, events, pool } = this.#deps;
    const location = locations.find(id);
    if (location === undefined) throw this.#count(createMissingError());
    const limitMs = this.#limit(timeoutMs);
    const bounds = { signal, timeoutMs: limitMs };
    const path = location.files.path(id);
    try {
      const isIntact =
        source.kind === 'seed'
          ? (await pool.run({ kind: 'compare_seed', path, seed: source.seed, size: sizeBytes }, bounds)).value
          : (await pool.run({ kind: 'hash', path }, bounds)).value === id;
      events?.read(id, location);
      if (!isIntact) throw createCorruptError();
    } catch (error) {
      throw this.#failRead(id, location, { error, limitMs });
    }
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

  /** Records that a read failed. @returns the error */
  #failRead(id: string, location: L, { error, limitMs }: { error: unknown; limitMs: number }): ChunkError {
    const failure = toChunkError(error);
    // A short limit before a deadline says nothing about the disk.
    if (failure.code === 'slow' && limitMs < this.#limit(SLOW_MS)) return this.#count(failure);
    return this.#fail(id, location, failure);
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

  async #generateSeeded(
    path: string,
    chunk: { readonly seed: string; readonly size: number },
    { signal, timeoutMs }: CallOptions,
  ): Promise<void> {
    const { pool, observer } = this.#deps;
    const bounds = { signal, timeoutMs: this.#limit(timeoutMs) };
    const { seconds } = await pool.run({ kind: 'seeded_chunk', path, ...chunk }, bounds);
    observer?.generated(seconds);
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

function createMissingError(): ChunkError {
  return new ChunkError('unreadable', 'no usable disk has the chunk');
}

function createCorruptError(): ChunkError {
  return new ChunkError('corrupt', 'the chunk does not match its hash');
}

function toDigestOutcome(outcome: DigestOutcome, proof: PendingProof | undefined): ProofOutcome {
  if ('code' in outcome) return { error: createFileError(outcome.code) };
  return outcome.chunkHash === proof?.request.chunk.id
    ? { response: outcome.response }
    : { error: createCorruptError() };
}

function toTaggedOutcome(outcome: TaggedProofOutcome): ProofOutcome {
  if (!('error' in outcome)) return outcome;
  switch (outcome.error) {
    case 'corrupt':
      return { error: new ChunkError('corrupt', 'the chunk does not match its seed') };
    case 'unreadable':
      return { error: createFileError(outcome.cause) };
    case 'invalid_challenge':
      return { error: new ChunkError('invalid_challenge', "the challenge does not belong to the contract's tag") };
    case 'no_tag':
      return { error: new ChunkError('no_tag', 'the tag is lost') };
  }
}

/** Whether the chunk's file is the cause, not the challenge. */
function isAboutChunk({ code }: ChunkError): boolean {
  return code !== 'invalid_challenge' && code !== 'no_tag';
}

function partition<T>(values: readonly T[], predicate: (value: T) => boolean): [T[], T[]] {
  return [values.filter(predicate), values.filter((value) => !predicate(value))];
}
