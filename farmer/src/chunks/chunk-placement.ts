import { type Clock, type Logger, TimeoutError, waitAtMost } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import { ChunkError } from '../farming/errors.ts';
import type { FreeSpacePort } from '../farming/ports.ts';
import { DISK_RESPONSE_TIMEOUT_MS } from './data-dir.ts';
import type { Disk } from './disk.ts';

export interface ChunkPlacementOptions {
  /** What stays free of each disk. */
  readonly minFreeBytes: number;
}

export interface ChunkPlacementDeps {
  readonly disks: readonly Disk[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a contract has this chunk, and how many contracts there are. */
  readonly isHeld: (id: ContractId) => boolean;
  readonly heldCount: () => number;
}

/** Which chunk is on which disk, and where a new one goes. A chunk is on one disk, and on none that is in quarantine. */
export class ChunkPlacement implements FreeSpacePort {
  readonly #options: ChunkPlacementOptions;
  readonly #deps: ChunkPlacementDeps;
  readonly #places = new Map<ContractId, Disk>();

  constructor(options: ChunkPlacementOptions, parts: ChunkPlacementDeps) {
    this.#options = options;
    this.#deps = parts;
  }

  /** How many further chunks fit, with the reserve left free. */
  get chunks(): number {
    return this.#deps.disks.reduce((sum, disk) => sum + disk.room(this.#options.minFreeBytes), 0);
  }

  /** Every chunk that has a place. */
  get ids(): ReadonlySet<ContractId> {
    return new Set(this.#places.keys());
  }

  /** The disk that a chunk is on. */
  of(id: ContractId): Disk | undefined {
    return this.#places.get(id);
  }

  /**
   * The disk for a chunk that is to be made: where it was, or else where there is most room. One of a contract that was taken may use the
   * reserve.
   *
   * @throws ChunkError `no_space`
   */
  selectDisk(id: ContractId): Disk {
    const was = this.#places.get(id);
    const disk =
      was?.state === 'ok' ? was : (this.#findDiskWithMostSpace((one) => one.room(0)) ?? this.#findDiskBeyondCapacity());
    if (disk !== undefined) return disk;
    throw new ChunkError('no_space', 'no disk that works has room for the chunk: free space, or add a disk');
  }

  /** A chunk has taken its place; a copy elsewhere goes. */
  put(id: ContractId, disk: Disk): void {
    const before = this.#places.get(id);
    if (before !== undefined && before !== disk) void this.#removeCopy(id, before);
    this.#places.set(id, disk);
    disk.put(id);
  }

  remove(id: ContractId): void {
    this.#places.get(id)?.ids.delete(id);
    this.#places.delete(id);
  }

  /** Nothing is read on a disk any more. @returns the chunks that were there */
  leave(disk: Disk): ContractId[] {
    const ids = [...disk.ids];
    disk.ids.clear();
    for (const id of ids) this.#places.delete(id);
    return ids;
  }

  /**
   * Takes up what is on a disk. What no contract has goes, and so does what is half-written; of two copies the older one goes, which was made
   * again because it could not be trusted any more. What can't be deleted takes room, and that is all: it is tried again at the next start.
   *
   * @throws TimeoutError, or the file system's error, where it can't be listed
   */
  async scanDisk(disk: Disk): Promise<{ found: ContractId[]; orphans: number; partial: number }> {
    const failures: unknown[] = [];
    /** Those that did not answer once: each further call would take as long, and hold another thread. */
    const silent = new Set<Disk>();
    const ask = async <T>(asked: Disk, question: () => Promise<T>): Promise<T | undefined> => {
      if (silent.has(asked)) return undefined;
      try {
        return await this.#waitAtMost(question());
      } catch (error) {
        if (error instanceof TimeoutError) silent.add(asked);
        failures.push(error);
        return undefined;
      }
    };
    const remove = async (id: ContractId, from: Disk): Promise<number> => {
      const isRemoved = await ask(from, async () => {
        await from.files.remove(id);
        return true;
      });
      return isRemoved ? 1 : 0;
    };

    const found: ContractId[] = [];
    let orphans = 0;
    for (const id of await this.#waitAtMost(disk.files.list())) {
      const place = this.#places.get(id);
      const other = place === disk ? undefined : place;
      const isNewer = other === undefined || (await ask(other, async () => await disk.files.isNewer(id, other.files)));
      if (!this.#deps.isHeld(id) || isNewer === false) orphans += await remove(id, disk);
      // Where it can't be told, the one that is known stays.
      else if (isNewer) {
        other?.ids.delete(id);
        if (other !== undefined) orphans += await remove(id, other);
        this.#places.set(id, disk);
        disk.ids.add(id);
        found.push(id);
      }
    }
    const partial = await ask(disk, async () => await disk.files.removePartial((error) => failures.push(error)));
    if (failures.length > 0) {
      this.#deps.log.warn('disk not cleared', { disk: disk.path, failures: failures.length, error: failures[0] });
    }
    await disk.look();
    return { found, orphans, partial: partial ?? 0 };
  }

  /** @throws TimeoutError where a disk does not answer */
  async #waitAtMost<T>(work: Promise<T>): Promise<T> {
    return await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, work, this.#deps.clock);
  }

  #findDiskWithMostSpace(roomOf: (disk: Disk) => number): Disk | undefined {
    const [best] = [...this.#deps.disks].sort((a, b) => roomOf(b) - roomOf(a));
    return best === undefined || roomOf(best) === 0 ? undefined : best;
  }

  /** Where less is given now than is held, what is held is kept all the same. */
  #findDiskBeyondCapacity(): Disk | undefined {
    const given = this.#deps.disks.reduce((sum, disk) => sum + disk.capacityChunks, 0);
    return this.#deps.heldCount() > given ? this.#findDiskWithMostSpace((disk) => disk.freeChunks(0)) : undefined;
  }

  async #removeCopy(id: ContractId, disk: Disk): Promise<void> {
    disk.ids.delete(id);
    if (disk.state === 'quarantined') return;
    try {
      await disk.files.remove(id);
    } catch (error) {
      this.#deps.log.warn('copy of a chunk not deleted', { contract: id, disk: disk.path, error });
    }
  }
}
