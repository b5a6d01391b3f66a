import { CodedError, getErrorCode, waitAtMost } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import type { ChunkError } from '../farming/errors.ts';
import type { DiskErrorKind, FreeSpacePort } from '../farming/ports.ts';
import { ChunkPlacement, type ChunkPlacementDeps, type ChunkPlacementOptions } from './chunk-placement.ts';
import { DISK_RESPONSE_TIMEOUT_MS } from './data-dir.ts';
import type { Disk } from './disk.ts';
import { classifyDiskError, mayBeReadable } from './disk-health.ts';

export interface DisksDeps extends ChunkPlacementDeps {
  /** Chunks that can't be reached any more: their disk failed. */
  readonly onLost: (ids: readonly ContractId[]) => void;
  /** Chunks that are there again. */
  readonly onFound: (ids: readonly ContractId[]) => void;
  readonly onError: (path: string, kind: DiskErrorKind) => void;
}

/** The disks can't be looked through at a start. */
class DisksError extends CodedError<'exhausted'> {}

/** What was found on the disks at the start. */
export interface Inventory {
  readonly present: ReadonlySet<ContractId>;
  readonly partial: number;
  readonly orphans: number;
}

const SPACE_CHECK_INTERVAL_MS = 5_000;
const SPACE_CHECKS_PER_PROBE = 6;

/** All disks: where their chunks are, and what becomes of a disk that fails. In quarantine nothing is read there, and nothing written but probes. */
export class Disks implements FreeSpacePort {
  readonly #deps: DisksDeps;
  readonly #places: ChunkPlacement;
  readonly #probes = new Map<Disk, Promise<void>>();

  constructor(options: ChunkPlacementOptions, parts: DisksDeps) {
    this.#deps = parts;
    this.#places = new ChunkPlacement(options, parts);
  }

  /** Each disk, with what gauges show of it. */
  get readings(): readonly Disk[] {
    return this.#deps.disks;
  }

  get chunks(): number {
    return this.#places.chunks;
  }

  /** Looks through every disk that works: what was left half-written goes, and so does what no contract has. */
  async load(): Promise<Inventory> {
    let partial = 0;
    let orphans = 0;
    for (const disk of this.#deps.disks) {
      if (disk.state === 'quarantined') continue;
      const wrong = await disk.probe();
      if (wrong !== undefined) assertResourcesAvailable(disk, wrong);
      if (wrong !== undefined && !this.#judge(disk, wrong)) continue;
      try {
        const taken = await this.#places.scanDisk(disk);
        partial += taken.partial;
        orphans += taken.orphans;
      } catch (error) {
        const reason = getErrorCode(error) ?? 'unknown';
        assertResourcesAvailable(disk, reason);
        this.#quarantine(disk, reason, 'gone');
      }
    }
    return { present: this.#places.ids, partial, orphans };
  }

  /** As {@link ChunkPlacement.of}. */
  of(id: ContractId): Disk | undefined {
    return this.#places.of(id);
  }

  /** As {@link ChunkPlacement.selectDisk}, and reserved until {@link stored} or {@link cancelled}. @throws ChunkError `no_space` */
  reserve(id: ContractId): Disk {
    const disk = this.#places.selectDisk(id);
    disk.reserved += 1;
    return disk;
  }

  stored(id: ContractId, disk: Disk): void {
    disk.reserved -= 1;
    // A disk that failed meanwhile is looked through when it works again.
    if (disk.state === 'quarantined') return;
    this.#places.put(id, disk);
    disk.health.worked(id);
  }

  cancelled(disk: Disk): void {
    disk.reserved -= 1;
  }

  removed(id: ContractId): void {
    this.#places.of(id)?.health.removed(id);
    this.#places.remove(id);
  }

  /** A chunk was read, and the disk was quick enough. */
  worked(id: ContractId, disk: Disk): void {
    disk.health.worked(id);
  }

  /** Something went wrong on a disk: one chunk is one chunk's trouble, several are the disk's. */
  failed(id: ContractId, disk: Disk, error: ChunkError): void {
    // A download that breaks off is the network's trouble, whose errors have names like those of disks.
    if (disk.state === 'quarantined' || error.code === 'download_failed') return;
    const cause = String(error.details['cause'] ?? '');
    switch (classifyDiskError(cause)) {
      case 'full':
        this.#fill(disk);
        break;
      case 'read_only':
        this.#handleReadOnly(disk, cause);
        break;
      case 'gone':
        this.#quarantine(disk, cause, 'gone');
        break;
      case 'missing':
      case 'denied':
        void this.probe(disk);
        break;
      case 'io':
        this.#deps.onError(disk.path, 'io');
        if (disk.health.strike(id, this.#deps.clock.now())) this.#handleFailing(disk, cause);
        break;
      case 'exhausted':
        break;
      case undefined:
        if (error.code !== 'slow') break;
        if (disk.ids.has(id) && disk.health.slowChunk(id)) this.#giveUp(id, disk);
        this.#handleSlow(disk);
    }
  }

  /** Watches over room and health, until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#deps.disks.map(async (disk) => await this.#watch(disk, signal)));
  }

  /** Each by itself: one that hangs holds up no other. */
  async #watch(disk: Disk, signal: AbortSignal): Promise<void> {
    for (let looks = 1; !signal.aborted; looks++) {
      await this.#deps.clock.sleep(SPACE_CHECK_INTERVAL_MS, signal);
      await this.look(disk);
      // One that failed is awaited.
      if (disk.state === 'quarantined' || looks % SPACE_CHECKS_PER_PROBE === 0) await this.probe(disk);
    }
  }

  /** Asks how much room there is; a disk that was full goes on when there is some. */
  async look(disk: Disk): Promise<void> {
    await disk.look();
    if (disk.state !== 'full' || disk.reason !== undefined || !disk.hasSpaceForChunk) return;
    disk.state = 'ok';
    this.#deps.log.info('disk has room again', { disk: disk.path });
  }

  /** Tries whether a disk works. Whoever asks while it is tried hears of the same try. */
  async probe(disk: Disk): Promise<void> {
    const probing = this.#probes.get(disk) ?? this.#probe(disk).finally(() => this.#probes.delete(disk));
    this.#probes.set(disk, probing);
    await probing;
  }

  async #probe(disk: Disk): Promise<void> {
    const wrong = await disk.probe();
    const trouble = wrong === undefined ? undefined : classifyDiskError(wrong);
    if (trouble === 'exhausted') return;
    if (disk.state === 'quarantined') {
      // What is on a full disk can be read; and one that may be half well is better than none.
      const isUsable = wrong === undefined || trouble === 'full' || (mayBeReadable(trouble) && !this.#hasOther(disk));
      if (disk.health.probed(isUsable)) await this.#trustAgain(disk, wrong);
    } else if (wrong === undefined) await this.#handleHealthyProbe(disk);
    else this.#judge(disk, wrong);
  }

  /** What follows from a probe that went wrong. @returns whether the disk is used all the same */
  #judge(disk: Disk, wrong: string): boolean {
    const trouble = classifyDiskError(wrong);
    if (wrong === 'timeout') this.#handleSlow(disk);
    else if (mayBeReadable(trouble)) this.#handleReadOnly(disk, wrong);
    else if (trouble !== 'full') this.#quarantine(disk, wrong, 'gone');
    return disk.state !== 'quarantined';
  }

  #hasOther(disk: Disk): boolean {
    return this.#deps.disks.some((other) => other !== disk && other.state !== 'quarantined');
  }

  /** What was given up while the disk was slow may have been written since. */
  async #handleHealthyProbe(disk: Disk): Promise<void> {
    disk.reason = undefined;
    if (!disk.health.wasSlow) return;
    let isClear = true;
    const clearing = disk.files.removePartial(() => {
      isClear = false;
    });
    try {
      await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, clearing, this.#deps.clock);
      if (isClear) disk.health.wasSlow = false;
    } catch {
      // The next probe that goes well tries again.
    }
  }

  /** Three times in a row. A slow disk is better than none. */
  #handleSlow(disk: Disk): void {
    this.#deps.onError(disk.path, 'slow');
    if (disk.health.slow() && this.#hasOther(disk)) this.#quarantine(disk, 'too slow');
  }

  /** A disk may be at a bad sector for ever, and quick elsewhere. Its place is kept: the chunk that is made again takes it. */
  #giveUp(id: ContractId, disk: Disk): void {
    this.#deps.log.error('chunk too slow again and again, making it again', { contract: id, disk: disk.path });
    this.#deps.onLost([id]);
  }

  /** What it still has can be read: it is given up only where all of it can be made again. */
  #handleReadOnly(disk: Disk, reason: string): void {
    const others = this.#deps.disks.filter((other) => other !== disk && other.state !== 'quarantined');
    const room = others.reduce((sum, other) => sum + other.room(0), 0);
    if (others.length > 0 && room >= disk.ids.size) this.#quarantine(disk, reason, toErrorKind(reason));
    else this.#fill(disk, reason);
  }

  /** Several of its chunks can't be read: those of an only disk are made again one by one. */
  #handleFailing(disk: Disk, reason: string): void {
    if (this.#hasOther(disk)) this.#quarantine(disk, reason);
    else
      this.#deps.log.error('disk fails again and again, and is used on: there is no other', {
        disk: disk.path,
        reason,
      });
  }

  /** Nothing is written there any more; what is there is read. @param reason where it is not for want of room */
  #fill(disk: Disk, reason?: string): void {
    this.#deps.onError(disk.path, reason === undefined ? 'full' : toErrorKind(reason));
    disk.reason = reason;
    if (disk.state === 'full') return;
    disk.state = 'full';
    this.#deps.log.warn('disk takes no more chunks', { disk: disk.path, reason: reason ?? 'full' });
  }

  #quarantine(disk: Disk, reason: string, kind?: DiskErrorKind): void {
    if (kind !== undefined) this.#deps.onError(disk.path, kind);
    const ids = this.#places.leave(disk);
    disk.state = 'quarantined';
    disk.reason = reason;
    disk.health.forget();
    this.#deps.log.error('disk failed, and is not used until it works again', {
      disk: disk.path,
      reason,
      chunks: ids.length,
    });
    this.#deps.onLost(ids);
  }

  /** @param wrong what its probe still says, where it is used all the same */
  async #trustAgain(disk: Disk, wrong: string | undefined): Promise<void> {
    try {
      const { found } = await this.#places.scanDisk(disk);
      disk.state = wrong === undefined ? 'ok' : 'full';
      disk.reason = wrong === undefined || classifyDiskError(wrong) === 'full' ? undefined : wrong;
      this.#deps.log.info('disk works again', { disk: disk.path, chunks: found.length });
      this.#deps.onFound(found);
    } catch (error) {
      disk.health.probed(false);
      this.#deps.log.warn('disk does not work yet', { disk: disk.path, error });
    }
  }
}

/** @throws DisksError where it is not the disk's fault: its chunks would be made again though they are there */
function assertResourcesAvailable(disk: Disk, wrong: string): void {
  if (classifyDiskError(wrong) !== 'exhausted') return;
  throw new DisksError(
    'exhausted',
    `${disk.path} can't be looked through (${wrong}): this process has run out of file handles or memory; raise its limits (ulimit -n, or the container's) and start it again`,
  );
}

/** What is counted for a disk of which a probe says so. */
function toErrorKind(wrong: string): DiskErrorKind {
  return classifyDiskError(wrong) === 'io' ? 'io' : 'gone';
}
