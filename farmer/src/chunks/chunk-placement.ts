import { type Clock, formatBytes, type Logger, TimeoutError, waitAtMost } from '@downstream/platform';
import { type ChunkSpace, computeUsableBytes } from '../contract/capacity.ts';
import type { ChunkTerms, ContractId } from '../contract/contract.ts';
import { ChunkError } from '../farming/errors.ts';
import { DISK_RESPONSE_TIMEOUT_MS } from './data-dir.ts';
import type { Disk } from './disk.ts';

export interface ChunkPlacementOptions {
  /** Reserve on each disk that chunks of new contracts do not use. */
  readonly minFreeBytes: number;
}

export interface ChunkPlacementDeps {
  readonly disks: readonly Disk[];
  readonly clock: Clock;
  readonly log: Logger;
  /** The chunks of all contracts. */
  readonly held: {
    /** @returns undefined without a contract */
    findChunk(id: ContractId): ChunkTerms | undefined;
    readonly bytes: number;
  };
}

/** What a scan of a disk found and deleted. */
interface Scan {
  readonly found: ContractId[];
  readonly orphans: number;
  readonly partial: number;
}

/** How many files are examined at a time. */
const SLICE = 100;

/**
 * Which chunk is on which disk, and which disk a new chunk goes to. A chunk is on at most one disk, and never on a
 * quarantined one.
 */
export class ChunkPlacement {
  readonly #options: ChunkPlacementOptions;
  readonly #deps: ChunkPlacementDeps;
  readonly #diskById = new Map<ContractId, Disk>();

  constructor(options: ChunkPlacementOptions, deps: ChunkPlacementDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /**
   * How large new chunks may be in total so that they fit for sure, excluding the reserve: what is left for them on the
   * disk with the most space if it takes every chunk that has no place yet.
   *
   * @param pending the chunks that have no place yet, and the number of new ones
   * @param options `hasTags`: whether the new chunks have tags, for which the first disk needs more than its reserve
   */
  availableBytes(pending: ChunkSpace, { hasTags = false } = {}): number {
    const [first] = this.#deps.disks;
    if (hasTags && (first?.free(this.#options.minFreeBytes).bytes ?? 0) === 0) return 0;
    const spaces = this.#deps.disks.map((disk) => disk.available(this.#options.minFreeBytes));
    const largest = Math.max(0, ...spaces.filter(({ chunks }) => chunks >= pending.chunks).map(({ bytes }) => bytes));
    return Math.max(0, largest - pending.bytes);
  }

  /** Whether the disks can take all chunks of another. */
  canReplace(disk: Disk, others: readonly Disk[]): boolean {
    const spaces = others.map((other) => other.available(0));
    return [...disk.chunks.values()]
      .sort((a, b) => b - a)
      .every((bytes) => {
        const best = spaces.filter(({ chunks }) => chunks > 0).sort((a, b) => b.bytes - a.bytes)[0];
        if (best === undefined || best.bytes < bytes) return false;
        spaces[spaces.indexOf(best)] = { bytes: best.bytes - bytes, chunks: best.chunks - 1 };
        return true;
      });
  }

  /** Every chunk that is on a usable disk. */
  get ids(): ReadonlySet<ContractId> {
    return new Set(this.#diskById.keys());
  }

  find(id: ContractId): Disk | undefined {
    return this.#diskById.get(id);
  }

  /**
   * Selects the disk for a chunk: the one it was on, or the one with the most free space. Its contract is already
   * accepted, so it may use the reserve.
   *
   * @throws ChunkError `no_space`
   */
  selectDisk(id: ContractId, bytes: number): Disk {
    const current = this.#diskById.get(id);
    if (current?.state.kind === 'ok') return current;
    const disk = this.#findDisk(bytes, (one) => one.available(0)) ?? this.#findDiskBeyondCapacity(bytes);
    if (disk !== undefined) return disk;
    throw new ChunkError('no_space', this.#explainLackOfSpace(bytes));
  }

  /** Records a chunk that was written to `disk`, and deletes its copy on another disk. */
  add(id: ContractId, bytes: number, disk: Disk): void {
    const before = this.#diskById.get(id);
    if (before !== undefined && before !== disk) void this.#removeCopy(id, before);
    this.#diskById.set(id, disk);
    disk.add(id, bytes);
  }

  remove(id: ContractId): void {
    this.#diskById.get(id)?.remove(id);
    this.#diskById.delete(id);
  }

  /** Forgets all chunks on a disk. @returns their ids */
  removeDisk(disk: Disk): ContractId[] {
    const ids = [...disk.chunks.keys()];
    for (const id of ids) this.remove(id);
    return ids;
  }

  /**
   * Lists the chunks on a disk and records them. Deletes partial files, chunks without a contract, files whose size is
   * not that of the contract's chunk, and the older of two copies: the newer one was rebuilt because the older was
   * unavailable. A file that cannot be deleted only takes space; the next start tries again.
   *
   * @throws TimeoutError, or the error of the file system, if the disk cannot be listed
   */
  async scanDisk(disk: Disk): Promise<Scan> {
    const failures: unknown[] = [];
    // Each further call to a disk that hangs would wait as long and block another thread.
    const unresponsive = new Set<Disk>();
    const attempt = async <T>(on: Disk, operation: () => Promise<T>): Promise<T | undefined> => {
      if (unresponsive.has(on)) return undefined;
      try {
        return await this.#withTimeout(operation());
      } catch (error) {
        if (error instanceof TimeoutError) unresponsive.add(on);
        failures.push(error);
        return undefined;
      }
    };
    const found: ContractId[] = [];
    let orphans = 0;
    let wrongSizes = 0;
    const remove = async (id: ContractId, from: Disk) =>
      await attempt(from, async () => {
        await from.files.remove(id);
        orphans += 1;
      });

    const ids = [...(await this.#withTimeout(disk.files.list()))];
    for (let at = 0; at < ids.length; at += SLICE) {
      const slice = ids.slice(at, at + SLICE);
      const sizes = await attempt(disk, async () => await disk.files.readSizes(slice));
      for (const id of slice) {
        const chunk = this.#deps.held.findChunk(id);
        const isWrongSize = chunk !== undefined && !hasValidSize(chunk, sizes?.get(id));
        if (isWrongSize) wrongSizes += 1;
        if (chunk === undefined || isWrongSize) {
          await remove(id, disk);
          continue;
        }
        const current = this.#diskById.get(id);
        const other = current === disk ? undefined : current;
        const isNewer =
          other === undefined || (await attempt(other, async () => await disk.files.isNewer(id, other.files)));
        if (isNewer === false) await remove(id, disk);
        // If the copies could not be compared, the recorded one stays.
        else if (isNewer) {
          other?.remove(id);
          if (other !== undefined) await remove(id, other);
          this.#diskById.set(id, disk);
          disk.add(id, chunk.sizeBytes);
          found.push(id);
        }
      }
    }
    if (wrongSizes > 0) this.#deps.log.warn('chunks of wrong size deleted', { disk: disk.path, chunks: wrongSizes });
    const partial = await attempt(disk, async () => await disk.files.removePartial((error) => failures.push(error)));
    if (failures.length > 0) {
      const [error] = failures;
      this.#deps.log.warn('disk cleanup incomplete', { disk: disk.path, failures: failures.length, error });
    }
    await disk.checkSpace();
    return { found, orphans, partial: partial ?? 0 };
  }

  async #withTimeout<T>(work: Promise<T>): Promise<T> {
    return await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, work, this.#deps.clock);
  }

  /** The disk with the most space, if that is enough. */
  #findDisk(bytes: number, measure: (disk: Disk) => ChunkSpace): Disk | undefined {
    const [best] = this.#deps.disks
      .map((disk) => ({ disk, space: measure(disk) }))
      .filter(({ space }) => space.bytes >= bytes && space.chunks > 0)
      .sort((a, b) => b.space.bytes - a.space.bytes);
    return best?.disk;
  }

  /** Why no disk takes a chunk, and what helps. */
  #explainLackOfSpace(bytes: number): string {
    const usable = this.#deps.disks.filter((disk) => disk.isUsable);
    if (usable.length === 0) return 'no disk can be used: check the disks and their mounts';
    const writable = usable.filter(({ state }) => state.kind === 'ok');
    if (writable.length === 0) return 'every usable disk is full or read-only: free space, or make it writable again';
    return this.#findDisk(bytes, (disk) => disk.free(0)) === undefined
      ? `no usable disk has ${formatBytes(bytes)} of free space: free some, or add a disk`
      : `the configured capacity of the usable disks is used up, except for less than ${formatBytes(bytes)} each: raise it (FARMER_SIZE, or the sizes in FARMER_DATA_DIR), or repair the other disks`;
  }

  /** After the operator lowers the capacity, contracts beyond it keep their chunks. */
  #findDiskBeyondCapacity(bytes: number): Disk | undefined {
    const { disks, held } = this.#deps;
    const capacity = computeUsableBytes(
      disks.map(({ capacityBytes }) => capacityBytes),
      bytes,
    );
    return held.bytes > capacity ? this.#findDisk(bytes, (disk) => disk.free(0)) : undefined;
  }

  async #removeCopy(id: ContractId, disk: Disk): Promise<void> {
    disk.remove(id);
    if (!disk.isUsable) return;
    try {
      await disk.files.remove(id);
    } catch (error) {
      this.#deps.log.warn('chunk copy not deleted', { contract: id, disk: disk.path, error });
    }
  }
}

/** @param bytes undefined if it is unknown; the first read of the file then shows what is wrong */
function hasValidSize({ source, sizeBytes }: ChunkTerms, bytes = sizeBytes): boolean {
  // Only a downloaded chunk may be smaller than its contract allows. Its hash shows whether it is complete.
  return bytes === sizeBytes || (source.kind === 'url' && bytes < sizeBytes);
}
