import { join } from 'node:path';
import { type Clock, type Instant, waitAtMost } from '@downstream/platform';
import { addSpace, type ChunkSpace, NO_SPACE, subtractSpace } from '../contract/capacity.ts';
import type { ContractId } from '../contract/contract.ts';
import { ChunkFiles } from './chunk-files.ts';
import { CHUNK_FOLDER, claimChunkFolder } from './chunk-folder-owner.ts';
import { DiskHealth } from './disk-health.ts';
import { NO_MARKER, readMarker } from './disk-marker.ts';
import { describeShortage, type FileSystemSpace, RESERVED_FILES } from './disk-space.ts';
import { type DiskEvent, type DiskState, quarantine, transition } from './disk-state.ts';
import { probeFolder } from './folder-probe.ts';
import { type ProbeFailure, toProbeFailure } from './probe-failure.ts';
import { shareCalls } from './share-calls.ts';

export interface DiskOptions {
  readonly path: string;
  readonly capacityBytes: number;
  /** The size of a chunk, until chunks are stored. */
  readonly chunkBytes: number;
  readonly farmId: string;
  /** The marker file must name this farm and this disk. */
  readonly diskId: string;
  /** Why the disk starts in quarantine, if it does. */
  readonly fault?: string | undefined;
}

export interface DiskDeps {
  readonly readSpace: () => Promise<FileSystemSpace>;
  readonly clock: Pick<Clock, 'now'>;
}

const PROBE_TIMEOUT_MS = 10_000;
const CHUNK_PROBE_TIMEOUT_MS = 30_000;

/** The chunk folder on one disk: its chunks, its free space and its state. */
export class Disk {
  readonly path: string;
  readonly capacityBytes: number;
  readonly files: ChunkFiles;
  readonly health = new DiskHealth();
  readonly #options: DiskOptions;
  readonly #deps: DiskDeps;
  /** The size of each chunk. */
  readonly #chunks = new Map<ContractId, number>();
  #storedBytes = 0;
  #id: string;
  #state: DiskState;
  /** When it entered this kind of state. */
  #stateSince: Instant;
  /** Chunks being written. */
  #reserved = NO_SPACE;
  /** The largest chunk that was written, or is. */
  #largestBytes: number | undefined;
  /** Undefined if it could not be read. */
  #space: FileSystemSpace | undefined;
  /** Chunks added after `#space` was read. */
  #addedSinceCheck = NO_SPACE;
  readonly #sharedProbe = shareCalls(async () => await this.#probe());
  /** The next probe writes as much as a chunk. */
  #probesChunk = false;
  #probeSeconds: number | undefined;

  constructor(options: DiskOptions, deps: DiskDeps) {
    this.#options = options;
    this.#deps = deps;
    this.path = options.path;
    this.capacityBytes = options.capacityBytes;
    this.#id = options.diskId;
    this.files = new ChunkFiles(join(options.path, CHUNK_FOLDER));
    this.#state = options.fault === undefined ? { kind: 'ok' } : quarantine(options.fault);
    this.#stateSince = deps.clock.now();
  }

  /** The marker file must name this disk. */
  get id(): string {
    return this.#id;
  }

  /** Uses another disk in the same directory, after its marker was written. The disk must be quarantined. */
  replaceBy(id: string): void {
    this.#id = id;
    this.health.reset();
    this.apply({ type: 'replaced' });
  }

  get state(): DiskState {
    return this.#state;
  }

  /** When it became full, read-only or quarantined, at the earliest the start; undefined if it is `ok`. */
  get since(): Instant | undefined {
    return this.#state.kind === 'ok' ? undefined : this.#stateSince;
  }

  /** Applies an event to the state. @returns the state before */
  apply(event: DiskEvent): DiskState {
    const before = this.#state;
    this.#state = transition(before, event);
    if (this.#state.kind !== before.kind) this.#stateSince = this.#deps.clock.now();
    return before;
  }

  get isUsable(): boolean {
    return this.#state.kind !== 'quarantined';
  }

  /** Why no chunk can be stored, or why the disk is not used; undefined if it is `ok`. */
  get reason(): string | undefined {
    if (this.#state.kind === 'ok') return undefined;
    if (this.#state.kind !== 'full') return this.#state.reason;
    return describeShortage(this.#state.code, this.#space, this.#neededBytes);
  }

  /** The chunks on this disk and their sizes. */
  get chunks(): ReadonlyMap<ContractId, number> {
    return this.#chunks;
  }

  get usedBytes(): number {
    return this.#storedBytes + this.#reserved.bytes;
  }

  get freeBytes(): number | undefined {
    return this.#space?.freeBytes;
  }

  get sizeBytes(): number | undefined {
    return this.#space?.sizeBytes;
  }

  get freeFiles(): number | undefined {
    return this.#space?.freeFiles;
  }

  /** How long the latest successful probe took. */
  get probeSeconds(): number | undefined {
    return this.#probeSeconds;
  }

  /** Whether the file system has space and an inode for another chunk. A quota can prevent the write all the same. */
  get hasSpaceForChunk(): boolean {
    return (this.freeBytes ?? 0) >= this.#neededBytes && this.#countFreeFiles() > 0;
  }

  /** What fits into the configured capacity while `minFreeBytes` of the file system stay free. */
  available(minFreeBytes: number): ChunkSpace {
    const free = this.free(minFreeBytes);
    return { ...free, bytes: Math.max(0, Math.min(free.bytes, this.capacityBytes - this.usedBytes)) };
  }

  /** Like {@link available}, regardless of the configured capacity. */
  free(minFreeBytes: number): ChunkSpace {
    if (this.#state.kind !== 'ok' || this.freeBytes === undefined) return NO_SPACE;
    const taken = addSpace(this.#addedSinceCheck, this.#reserved);
    return subtractSpace({ bytes: this.freeBytes - minFreeBytes, chunks: this.#countFreeFiles() }, taken);
  }

  #countFreeFiles(): number {
    return (this.freeFiles ?? Number.POSITIVE_INFINITY) - RESERVED_FILES;
  }

  /** Space for the largest chunk is needed: a smaller write may succeed where that one failed. */
  get #neededBytes(): number {
    return this.#largestBytes ?? Math.min(this.#options.chunkBytes, this.capacityBytes);
  }

  reserve(bytes: number): void {
    this.#reserved = addSpace(this.#reserved, { bytes, chunks: 1 });
    this.#largestBytes = Math.max(bytes, this.#largestBytes ?? 0);
  }

  endReservation(bytes: number): void {
    this.#reserved = subtractSpace(this.#reserved, { bytes, chunks: 1 });
  }

  add(id: ContractId, bytes: number): void {
    this.remove(id);
    this.#chunks.set(id, bytes);
    this.#storedBytes += bytes;
    this.#addedSinceCheck = addSpace(this.#addedSinceCheck, { bytes, chunks: 1 });
    this.#largestBytes = Math.max(bytes, this.#largestBytes ?? 0);
  }

  remove(id: ContractId): void {
    this.#storedBytes -= this.#chunks.get(id) ?? 0;
    this.#chunks.delete(id);
  }

  /** Reads the free space of the file system. */
  async checkSpace(): Promise<void> {
    const addedBefore = this.#addedSinceCheck;
    this.#space = await this.#deps.readSpace().catch(() => undefined);
    // The result may or may not include chunks added during the read: they count as not included.
    this.#addedSinceCheck = subtractSpace(this.#addedSinceCheck, addedBefore);
  }

  /**
   * Checks that the disk and its chunk folder belong to this farm, and that chunks can be stored there. Creates the
   * chunk folder if necessary. Concurrent calls share one probe.
   *
   * @param options `writesChunk`: write as much as a chunk, since small files fit into a full disk
   * @returns undefined if the disk works
   */
  async probe({ writesChunk = false } = {}): Promise<ProbeFailure | undefined> {
    this.#probesChunk = writesChunk;
    const timeoutMs = writesChunk ? CHUNK_PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS;
    try {
      return await waitAtMost(timeoutMs, this.#sharedProbe());
    } catch (error) {
      return toProbeFailure(error);
    }
  }

  async #probe(): Promise<ProbeFailure | undefined> {
    const { farmId: farm } = this.#options;
    const disk = this.#id;
    const marker = await readMarker(this.path);
    if (marker === undefined) return { kind: 'gone', reason: NO_MARKER };
    if (marker.farm !== farm || marker.disk !== disk) return { kind: 'gone', reason: 'a different disk' };
    const startedAt: Instant = this.#deps.clock.now();
    await claimChunkFolder(this.files.folder, { farm, disk });
    await probeFolder(this.files.folder);
    this.#probeSeconds = (this.#deps.clock.now() - startedAt) / 1000;
    if (!this.#probesChunk) return undefined;
    if (this.#state.kind === 'full') {
      await this.checkSpace();
      if (!this.hasSpaceForChunk) return { kind: 'full', reason: this.#state.code };
    }
    await probeFolder(this.files.folder, this.#neededBytes);
    return undefined;
  }
}
