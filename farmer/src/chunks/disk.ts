import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, getErrorCode, type Instant, waitAtMost } from '@downstream/platform';
import { countChunks } from '../contract/capacity.ts';
import type { ContractId } from '../contract/contract.ts';
import type { DiskState } from '../farming/ports.ts';
import { ChunkFiles } from './chunk-files.ts';
import { OWNER_ONLY } from './chunk-io.ts';
import { readMarker } from './data-dir.ts';
import { DiskHealth } from './disk-health.ts';
import { DiskSpace, type FileSystemSpace } from './disk-space.ts';

export interface DiskOptions {
  readonly path: string;
  readonly capacityBytes: number;
  readonly chunkBytes: number;
  /** As the marker must say. */
  readonly farmId: string;
  readonly diskId: string;
}

const PROBE_TIMEOUT_MS = 10_000;

/** One folder for chunks: what is there, how much more fits, and whether its disk works. */
export class Disk {
  readonly path: string;
  readonly capacityBytes: number;
  readonly diskId: string;
  readonly files: ChunkFiles;
  readonly ids = new Set<ContractId>();
  readonly health = new DiskHealth();
  /** Chunks that are being written. */
  reserved = 0;
  state: DiskState = 'ok';
  reason: string | undefined;
  /** Undefined where the file system can't be asked. */
  reading: FileSystemSpace | undefined;
  probeSeconds: number | undefined;
  readonly #options: DiskOptions;
  readonly #space: DiskSpace;
  readonly #clock: Pick<Clock, 'now'>;
  #probing: Promise<string | undefined> | undefined;
  /** Chunks that were put here since the file system was last asked for its room. */
  #chunksAddedSinceCheck = 0;

  constructor(options: DiskOptions, clock: Pick<Clock, 'now'>) {
    this.#options = options;
    this.#clock = clock;
    this.path = options.path;
    this.capacityBytes = options.capacityBytes;
    this.diskId = options.diskId;
    this.files = new ChunkFiles(join(options.path, 'chunks'));
    this.#space = new DiskSpace(options.path);
  }

  /** How many chunks it was given room for. */
  get capacityChunks(): number {
    return countChunks(this.capacityBytes, this.#options.chunkBytes);
  }

  get freeBytes(): number | undefined {
    return this.reading?.freeBytes;
  }

  get sizeBytes(): number | undefined {
    return this.reading?.sizeBytes;
  }

  get usedBytes(): number {
    return (this.ids.size + this.reserved) * this.#options.chunkBytes;
  }

  /** Whether its file system has room for another chunk, whatever it was given. */
  get hasSpaceForChunk(): boolean {
    return (this.reading?.freeBytes ?? 0) >= this.#options.chunkBytes;
  }

  /** How many more chunks fit into what was given, with so much left free. */
  room(minFreeBytes: number): number {
    const given = this.capacityChunks - this.ids.size - this.reserved;
    return Math.max(0, Math.min(given, this.freeChunks(minFreeBytes)));
  }

  /** How many more fit on its file system, whatever was given. */
  freeChunks(minFreeBytes: number): number {
    if (this.state !== 'ok' || this.reading === undefined) return 0;
    const free = countChunks(this.reading.freeBytes - minFreeBytes, this.#options.chunkBytes);
    return Math.max(0, free - this.#chunksAddedSinceCheck - this.reserved);
  }

  /** A chunk was put here. */
  put(id: ContractId): void {
    this.ids.add(id);
    this.#chunksAddedSinceCheck += 1;
  }

  /** Asks the file system for its room. */
  async look(): Promise<void> {
    const putBefore = this.#chunksAddedSinceCheck;
    this.reading = await this.#space.read().catch(() => undefined);
    // What is put while it is asked may be in its answer or not.
    this.#chunksAddedSinceCheck = Math.max(0, this.#chunksAddedSinceCheck - putBefore);
  }

  /**
   * Looks whose the folder is; writes, flushes, reads and deletes a small file beside the chunks, whose folder is made where it is gone. One
   * that hangs is waited for once: each probe holds a thread, and none holds up the event loop.
   *
   * @returns what is wrong, undefined if nothing is
   */
  async probe(): Promise<string | undefined> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    try {
      return await waitAtMost(PROBE_TIMEOUT_MS, this.#probing);
    } catch (error) {
      return getErrorCode(error) ?? 'unknown';
    }
  }

  async #probe(): Promise<string | undefined> {
    if (!(await this.#hasExpectedMarker())) return 'not mounted, or another disk';
    const startedAt: Instant = this.#clock.now();
    await this.files.create();
    const path = join(this.files.folder, '.probe');
    const text = String(startedAt);
    {
      await using file = await open(path, 'w+', OWNER_ONLY);
      await file.write(text, 0);
      await file.sync();
      const { buffer } = await file.read(Buffer.alloc(text.length), 0, text.length, 0);
      if (buffer.toString() !== text) throw Object.assign(new Error('other bytes came back'), { code: 'EIO' });
    }
    await rm(path);
    this.probeSeconds = (this.#clock.now() - startedAt) / 1000;
    return undefined;
  }

  async #hasExpectedMarker(): Promise<boolean> {
    const marker = await readMarker(this.path);
    return marker?.farm === this.#options.farmId && marker.disk === this.diskId;
  }
}
