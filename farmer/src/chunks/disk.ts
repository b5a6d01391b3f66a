import { join } from 'node:path';
import { type Clock, type Instant, waitAtMost } from '@downstream/platform';
import { countChunks } from '../contract/capacity.ts';
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
  readonly #ids = new Set<ContractId>();
  #id: string;
  #state: DiskState;
  /** When it entered this kind of state. */
  #stateSince: Instant;
  /** Chunks being written. */
  #reserved = 0;
  /** Undefined if it could not be read. */
  #space: FileSystemSpace | undefined;
  /** Chunks added after `#space` was read. */
  #addedSinceCheck = 0;
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
    return describeShortage(this.#state.code, this.#space, this.#options.chunkBytes);
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

  get freeFiles(): number | undefined {
    return this.#space?.freeFiles;
  }

  /** How long the latest successful probe took. */
  get probeSeconds(): number | undefined {
    return this.#probeSeconds;
  }

  /** Whether the file system has space and an inode for another chunk. A quota can prevent the write all the same. */
  get hasSpaceForChunk(): boolean {
    return (this.freeBytes ?? 0) >= this.#options.chunkBytes && this.#countFreeFiles() > 0;
  }

  /** How many more chunks fit into the configured capacity while `minFreeBytes` of the file system stay free. */
  availableChunks(minFreeBytes: number): number {
    const unused = this.capacityChunks - this.#ids.size - this.#reserved;
    return Math.max(0, Math.min(unused, this.freeChunks(minFreeBytes)));
  }

  /** Like {@link availableChunks}, regardless of the configured capacity. */
  freeChunks(minFreeBytes: number): number {
    if (this.#state.kind !== 'ok' || this.freeBytes === undefined) return 0;
    const free = Math.min(countChunks(this.freeBytes - minFreeBytes, this.#options.chunkBytes), this.#countFreeFiles());
    return Math.max(0, free - this.#addedSinceCheck - this.#reserved);
  }

  #countFreeFiles(): number {
    return (this.freeFiles ?? Number.POSITIVE_INFINITY) - RESERVED_FILES;
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
    const { farmId: farm, chunkBytes } = this.#options;
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
    await probeFolder(this.files.folder, chunkBytes);
    return undefined;
  }
}
