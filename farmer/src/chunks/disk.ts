import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, getErrorCode, type Instant, waitAtMost } from '@downstream/platform';
import { countChunks } from '../contract/capacity.ts';
import type { ContractId } from '../contract/contract.ts';
import { ChunkFiles } from './chunk-files.ts';
import { OWNER_ONLY } from './chunk-io.ts';
import { DiskHealth } from './disk-health.ts';
import { readMarker } from './disk-marker.ts';
import type { FileSystemSpace } from './disk-space.ts';
import { type DiskEvent, type DiskState, quarantine, transition } from './disk-state.ts';
import { shareCalls } from './share-calls.ts';

export interface DiskOptions {
  readonly path: string;
  readonly capacityBytes: number;
  readonly chunkBytes: number;
  /** The marker file must name this farm and this disk. */
  readonly farmId: string;
  readonly diskId: string;
  /** Why the disk starts in quarantine, if it does. */
  readonly fault?: string | undefined;
}

export interface DiskDeps {
  readonly readSpace: () => Promise<FileSystemSpace>;
  readonly clock: Pick<Clock, 'now'>;
}

const PROBE_TIMEOUT_MS = 10_000;

/** The chunk folder on one disk: its chunks, its free space and its state. */
export class Disk {
  readonly path: string;
  readonly capacityBytes: number;
  readonly files: ChunkFiles;
  readonly health = new DiskHealth();
  readonly #options: DiskOptions;
  readonly #deps: DiskDeps;
  readonly #ids = new Set<ContractId>();
  #state: DiskState;
  /** Chunks being written. */
  #reserved = 0;
  /** Undefined if it could not be read. */
  #space: FileSystemSpace | undefined;
  /** Chunks added after `#space` was read. */
  #addedSinceCheck = 0;
  readonly #sharedProbe = shareCalls(async () => await this.#probe());
  #probeSeconds: number | undefined;

  constructor(options: DiskOptions, deps: DiskDeps) {
    this.#options = options;
    this.#deps = deps;
    this.path = options.path;
    this.capacityBytes = options.capacityBytes;
    this.files = new ChunkFiles(join(options.path, 'chunks'));
    this.#state = options.fault === undefined ? { kind: 'ok' } : quarantine(options.fault);
  }

  get state(): DiskState {
    return this.#state;
  }

  /** Applies an event to the state. @returns the state before */
  apply(event: DiskEvent): DiskState {
    const before = this.#state;
    this.#state = transition(before, event);
    return before;
  }

  get isUsable(): boolean {
    return this.#state.kind !== 'quarantined';
  }

  /** The chunks on this disk. */
  get ids(): ReadonlySet<ContractId> {
    return this.#ids;
  }

  get capacityChunks(): number {
    return countChunks(this.capacityBytes, this.#options.chunkBytes);
  }

  get usedBytes(): number {
    return (this.#ids.size + this.#reserved) * this.#options.chunkBytes;
  }

  get freeBytes(): number | undefined {
    return this.#space?.freeBytes;
  }

  get sizeBytes(): number | undefined {
    return this.#space?.sizeBytes;
  }

  /** How long the latest successful probe took. */
  get probeSeconds(): number | undefined {
    return this.#probeSeconds;
  }

  /** Whether another chunk fits on the file system, regardless of the configured capacity. */
  get hasSpaceForChunk(): boolean {
    return (this.freeBytes ?? 0) >= this.#options.chunkBytes;
  }

  /** How many more chunks fit into the configured capacity while `minFreeBytes` of the file system stay free. */
  availableChunks(minFreeBytes: number): number {
    const unused = this.capacityChunks - this.#ids.size - this.#reserved;
    return Math.max(0, Math.min(unused, this.freeChunks(minFreeBytes)));
  }

  /** Like {@link availableChunks}, regardless of the configured capacity. */
  freeChunks(minFreeBytes: number): number {
    if (this.#state.kind !== 'ok' || this.freeBytes === undefined) return 0;
    const free = countChunks(this.freeBytes - minFreeBytes, this.#options.chunkBytes);
    return Math.max(0, free - this.#addedSinceCheck - this.#reserved);
  }

  reserve(): void {
    this.#reserved += 1;
  }

  endReservation(): void {
    this.#reserved -= 1;
  }

  add(id: ContractId): void {
    this.#ids.add(id);
    this.#addedSinceCheck += 1;
  }

  remove(id: ContractId): void {
    this.#ids.delete(id);
  }

  /** Reads the free space of the file system. */
  async checkSpace(): Promise<void> {
    const addedBefore = this.#addedSinceCheck;
    this.#space = await this.#deps.readSpace().catch(() => undefined);
    // The result may or may not include chunks added during the read: they count as not included.
    this.#addedSinceCheck = Math.max(0, this.#addedSinceCheck - addedBefore);
  }

  /**
   * Checks the marker file, creates the chunk folder if necessary, then writes, flushes, reads and deletes a small file
   * in it. Concurrent calls share one probe.
   *
   * @returns an error code, `timeout`, or another reason why the disk does not work; undefined if it does
   */
  async probe(): Promise<string | undefined> {
    try {
      return await waitAtMost(PROBE_TIMEOUT_MS, this.#sharedProbe());
    } catch (error) {
      return getErrorCode(error) ?? 'unknown';
    }
  }

  async #probe(): Promise<string | undefined> {
    const marker = await readMarker(this.path);
    if (marker?.farm !== this.#options.farmId || marker.disk !== this.#options.diskId)
      return 'not mounted, or a different disk';
    const startedAt: Instant = this.#deps.clock.now();
    await this.files.create();
    const path = join(this.files.folder, '.probe');
    const text = String(startedAt);
    {
      await using file = await open(path, 'w+', OWNER_ONLY);
      await file.write(text, 0);
      await file.sync();
      const { buffer } = await file.read(Buffer.alloc(text.length), 0, text.length, 0);
      if (buffer.toString() !== text) throw Object.assign(new Error('read returned other bytes'), { code: 'EIO' });
    }
    await rm(path);
    this.#probeSeconds = (this.#deps.clock.now() - startedAt) / 1000;
    return undefined;
  }
}
