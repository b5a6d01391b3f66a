import { type Clock, type Logger, TimeoutError, waitAtMost } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
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
  /** The ids of all contracts. */
  readonly held: { has(id: ContractId): boolean; readonly size: number };
}

/** What a scan of a disk found and deleted. */
interface Scan {
  readonly found: ContractId[];
  readonly orphans: number;
  readonly partial: number;
}

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

  /** How many more chunks fit, excluding the reserve. */
  get chunks(): number {
    return this.#deps.disks.reduce((sum, disk) => sum + disk.availableChunks(this.#options.minFreeBytes), 0);
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
  selectDisk(id: ContractId): Disk {
    const current = this.#diskById.get(id);
    if (current?.state.kind === 'ok') return current;
    const disk = this.#findLargest((one) => one.availableChunks(0)) ?? this.#findDiskBeyondCapacity();
    if (disk !== undefined) return disk;
    throw new ChunkError('no_space', this.#explainLackOfSpace());
  }

  /** Records a chunk that was written to `disk`, and deletes its copy on another disk. */
  add(id: ContractId, disk: Disk): void {
    const before = this.#diskById.get(id);
    if (before !== undefined && before !== disk) void this.#removeCopy(id, before);
    this.#diskById.set(id, disk);
    disk.add(id);
  }

  remove(id: ContractId): void {
    this.#diskById.get(id)?.remove(id);
    this.#diskById.delete(id);
  }

  /** Forgets all chunks on a disk. @returns their ids */
  removeDisk(disk: Disk): ContractId[] {
    const ids = [...disk.ids];
    for (const id of ids) this.remove(id);
    return ids;
  }

  /**
   * Lists the chunks on a disk and records them. Deletes partial files, chunks without a contract, and the older of two
   * copies: the newer one was rebuilt because the older was unavailable. A file that cannot be deleted only takes
   * space; the next start tries again.
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
    const remove = async (id: ContractId, from: Disk) =>
      await attempt(from, async () => {
        await from.files.remove(id);
        orphans += 1;
      });

    for (const id of await this.#withTimeout(disk.files.list())) {
      const current = this.#diskById.get(id);
      const other = current === disk ? undefined : current;
      const isNewer =
        other === undefined || (await attempt(other, async () => await disk.files.isNewer(id, other.files)));
      if (!this.#deps.held.has(id) || isNewer === false) await remove(id, disk);
      // If the copies could not be compared, the recorded one stays.
      else if (isNewer) {
        other?.remove(id);
        if (other !== undefined) await remove(id, other);
        this.#diskById.set(id, disk);
        disk.add(id);
        found.push(id);
      }
    }
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

  #findLargest(countFree: (disk: Disk) => number): Disk | undefined {
    const [best] = [...this.#deps.disks].sort((a, b) => countFree(b) - countFree(a));
    return best === undefined || countFree(best) === 0 ? undefined : best;
  }

  /** Why no disk takes another chunk, and what helps. */
  #explainLackOfSpace(): string {
    const usable = this.#deps.disks.filter((disk) => disk.isUsable);
    if (usable.length === 0) return 'no disk can be used: check the disks and their mounts';
    const writable = usable.filter(({ state }) => state.kind === 'ok');
    if (writable.length === 0) return 'every usable disk is full or read-only: free space, or make it writable again';
    return writable.some((disk) => disk.freeChunks(0) > 0)
      ? 'the configured capacity of the usable disks is used up: raise it (FARMER_SIZE, or the sizes in FARMER_DATA_DIR), or repair the other disks'
      : 'the usable disks have no free space: free some, or add a disk';
  }

  /** After the operator lowers the capacity, contracts beyond it keep their chunks. */
  #findDiskBeyondCapacity(): Disk | undefined {
    const capacity = this.#deps.disks.reduce((sum, disk) => sum + disk.capacityChunks, 0);
    return this.#deps.held.size > capacity ? this.#findLargest((disk) => disk.freeChunks(0)) : undefined;
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
