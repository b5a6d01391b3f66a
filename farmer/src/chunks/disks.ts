import { CodedError, type Instant, waitAtMost } from '@downstream/platform';
import type { ChunkSpace } from '../contract/capacity.ts';
import type { ContractId } from '../contract/contract.ts';
import type { ChunkError } from '../farming/errors.ts';
import type { FreeSpacePort } from '../farming/ports.ts';
import { ChunkPlacement, type ChunkPlacementDeps, type ChunkPlacementOptions } from './chunk-placement.ts';
import type { ChunkEventPort, ChunkLocationPort, SizedChunk } from './chunk-store.ts';
import { DISK_RESPONSE_TIMEOUT_MS } from './data-dir.ts';
import type { Disk } from './disk.ts';
import { classifyDiskError, type DiskErrorKind } from './disk-errors.ts';
import { type DiskEvent, isReadmissible, type UsableState } from './disk-state.ts';
import { mayBeReadable, type ProbeFailure, toProbeFailure } from './probe-failure.ts';

export interface DisksDeps extends ChunkPlacementDeps {
  readonly onError: (path: string, kind: DiskErrorKind) => void;
}

/** Notified when chunks become unreadable because their disk failed, and when a disk works again. */
export interface DiskListener {
  chunksLost(ids: readonly ContractId[]): void;
  chunksFound(ids: readonly ContractId[]): void;
}

class DisksError extends CodedError<'exhausted'> {}

/** What was found on the disks at the start. */
export interface Inventory {
  readonly present: ReadonlySet<ContractId>;
  readonly partial: number;
  readonly orphans: number;
}

const SPACE_CHECK_INTERVAL_MS = 5_000;
const SPACE_CHECKS_PER_PROBE = 6;
/** A full disk is written to less often: each attempt wears it and takes its last free space for a moment. */
const SPACE_CHECKS_PER_WRITE = 12;

/** All disks. Passes the results of operations to their state machines, and acts on changes of state. */
export class Disks implements FreeSpacePort, ChunkLocationPort<Disk>, ChunkEventPort<Disk> {
  readonly #deps: DisksDeps;
  readonly #placement: ChunkPlacement;
  readonly #pendingProbes = new Map<Disk, Promise<void>>();
  /** Disks that were slow: a write that timed out may have completed later and left a file behind. */
  readonly #needsCleanup = new Set<Disk>();
  #listener: DiskListener = { chunksLost: () => {}, chunksFound: () => {} };

  constructor(options: ChunkPlacementOptions, deps: DisksDeps) {
    this.#deps = deps;
    this.#placement = new ChunkPlacement(options, deps);
  }

  /** Called once, after {@link load}, whose result says which chunks are present. */
  subscribe(listener: DiskListener): void {
    this.#listener = listener;
  }

  get list(): readonly Disk[] {
    return this.#deps.disks;
  }

  availableBytes(pending: ChunkSpace, options?: { readonly hasTags?: boolean }): number {
    return this.#placement.availableBytes(pending, options);
  }

  /**
   * Lists the chunks on every usable disk; deletes partial files and chunks without a contract.
   *
   * @throws DisksError `exhausted`; the signal's reason after an abort
   */
  async load(signal?: AbortSignal): Promise<Inventory> {
    let partial = 0;
    let orphans = 0;
    for (const disk of this.#deps.disks) {
      signal?.throwIfAborted();
      if (!disk.isUsable) continue;
      const failure = await disk.probe({ writesChunk: true });
      if (failure !== undefined) {
        assertResourcesAvailable(disk, failure);
        this.#handleProbeFailure(disk, failure);
        if (!disk.isUsable) continue;
      }
      try {
        const scan = await this.#placement.scanDisk(disk);
        partial += scan.partial;
        orphans += scan.orphans;
      } catch (error) {
        const scanFailure = toProbeFailure(error);
        assertResourcesAvailable(disk, scanFailure);
        this.#report(disk, 'gone', { type: 'gone', reason: scanFailure.reason });
      }
    }
    return { present: this.#placement.ids, partial, orphans };
  }

  find(id: ContractId): Disk | undefined {
    return this.#placement.find(id);
  }

  reserve({ id, sizeBytes }: SizedChunk): Disk {
    const disk = this.#placement.selectDisk(id, sizeBytes);
    disk.reserve(sizeBytes);
    return disk;
  }

  stored({ id, sizeBytes }: SizedChunk, disk: Disk): void {
    disk.endReservation(sizeBytes);
    // A disk that was quarantined during the write is scanned before it is used again.
    if (!disk.isUsable) return;
    this.#placement.add(id, sizeBytes, disk);
    disk.health.recordSuccess(id);
  }

  cancelled({ sizeBytes }: SizedChunk, disk: Disk): void {
    disk.endReservation(sizeBytes);
  }

  removed(id: ContractId): void {
    this.#placement.find(id)?.health.forgetChunk(id);
    this.#placement.remove(id);
  }

  read(id: ContractId, disk: Disk): void {
    disk.health.recordSuccess(id);
  }

  /** An operation on a chunk failed. A disk is blamed for I/O errors only if several chunks have them. */
  failed(id: ContractId, disk: Disk, error: ChunkError): void {
    // Network errors have codes that disks have too.
    if (!disk.isUsable || error.code === 'download_failed') return;
    const cause = String(error.details['cause'] ?? '');
    switch (classifyDiskError(cause)) {
      case 'full':
        this.#handleShortage(disk, cause);
        break;
      case 'read_only':
        this.#handleWriteRejection(disk, cause);
        break;
      case 'gone':
        this.#report(disk, 'gone', { type: 'gone', reason: cause });
        break;
      case 'missing':
      case 'denied':
        void this.probe(disk);
        break;
      case 'io':
        this.#deps.onError(disk.path, 'io');
        // The chunks of an only disk are rebuilt one by one as they fail.
        if (disk.health.recordError(id, this.#deps.clock.now()) && !this.#quarantineUnreliable(disk, cause))
          this.#deps.log.error('disk degraded', {
            disk: disk.path,
            reason: cause,
            action: 'kept in use: no other disk',
          });
        break;
      case 'exhausted':
        break;
      case undefined:
        if (error.code === 'slow') this.#handleSlowChunk(id, disk);
        // Any other error of the file system: perhaps it cannot store chunks at all.
        else if (cause !== '') void this.probe(disk, { writesChunk: true });
    }
  }

  /**
   * Uses the disk that is now in the directory of a quarantined one, if it passes a probe.
   *
   * @param id names it in its marker, which was written before
   */
  async replace(disk: Disk, id: string): Promise<void> {
    // A probe of the old disk may be running.
    while (this.#pendingProbes.has(disk)) await this.#pendingProbes.get(disk);
    disk.replaceBy(id);
    this.#deps.log.info('disk replaced', { disk: disk.path });
    await this.probe(disk);
  }

  /** Monitors free space and health until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#deps.disks.map(async (disk) => await this.#monitor(disk, signal)));
  }

  /** One loop per disk, so that a disk that hangs does not delay the others. */
  async #monitor(disk: Disk, signal: AbortSignal): Promise<void> {
    for (let checks = 1; !signal.aborted; checks++) {
      await this.#deps.clock.sleep(SPACE_CHECK_INTERVAL_MS, signal);
      const hadSpace = disk.hasSpaceForChunk;
      await disk.checkSpace();
      const writesChunk = (!hadSpace && disk.hasSpaceForChunk) || checks % SPACE_CHECKS_PER_WRITE === 0;
      const isDue = !disk.isUsable || checks % SPACE_CHECKS_PER_PROBE === 0;
      if (disk.state.kind === 'full') {
        if (writesChunk || isDue) await this.probe(disk, { writesChunk });
      } else if (isDue) await this.probe(disk);
    }
  }

  /**
   * Tests whether a disk works. Concurrent calls share one probe.
   *
   * @param options `writesChunk`: whether to write as much as a chunk, without which a disk that is not `ok` stays so
   */
  async probe(disk: Disk, { writesChunk = disk.state.kind !== 'ok' } = {}): Promise<void> {
    const pending = this.#pendingProbes.get(disk);
    const probe = pending ?? this.#probe(disk, writesChunk).finally(() => this.#pendingProbes.delete(disk));
    this.#pendingProbes.set(disk, probe);
    await probe;
  }

  async #probe(disk: Disk, writesChunk: boolean): Promise<void> {
    const failure = await disk.probe({ writesChunk });
    if (failure?.kind === 'exhausted') return;
    const usableAs = this.#toUsableState(disk, failure);
    if (writesChunk || failure !== undefined) this.#apply(disk, { type: 'probed', usableAs, reason: failure?.reason });
    if (!disk.isUsable) {
      if (usableAs !== undefined && isReadmissible(disk.state)) await this.#readmit(disk, usableAs);
    } else if (failure === undefined) await this.#cleanUp(disk);
    else this.#handleProbeFailure(disk, failure);
  }

  /** What a disk can be used for after a probe. One that may be readable is used if no other disk works. */
  #toUsableState(disk: Disk, failure: ProbeFailure | undefined): UsableState | undefined {
    if (failure === undefined) return { kind: 'ok' };
    const { kind, reason } = failure;
    if (kind === 'full') return { kind: 'full', code: reason };
    if (mayBeReadable(failure) && this.#findOthers(disk).length === 0) return { kind: 'read_only', reason };
    return undefined;
  }

  #handleProbeFailure(disk: Disk, failure: ProbeFailure): void {
    const { kind, reason } = failure;
    if (kind === 'timeout') this.#handleTimeout(disk);
    else if (kind === 'full') this.#handleShortage(disk, reason);
    else if (mayBeReadable(failure)) this.#handleWriteRejection(disk, reason);
    else this.#report(disk, 'gone', { type: 'gone', reason });
  }

  /** Counts a shortage once, not each attempt to find out whether it is over. */
  #handleShortage(disk: Disk, code: string): void {
    if (disk.state.kind !== 'full') this.#report(disk, 'full', { type: 'space_exhausted', code });
  }

  /** The other usable disks. */
  #findOthers(disk: Disk): Disk[] {
    return this.#deps.disks.filter((other) => other !== disk && other.isUsable);
  }

  /** Deletes what writes that timed out have left behind. */
  async #cleanUp(disk: Disk): Promise<void> {
    if (!this.#needsCleanup.has(disk)) return;
    let isClean = true;
    const cleanup = disk.files.removePartial(() => {
      isClean = false;
    });
    try {
      await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, cleanup, this.#deps.clock);
      if (isClean) this.#needsCleanup.delete(disk);
    } catch {
      // The next successful probe tries again.
    }
  }

  #handleTimeout(disk: Disk): void {
    this.#deps.onError(disk.path, 'slow');
    this.#needsCleanup.add(disk);
    if (disk.health.recordTimeout()) this.#quarantineUnreliable(disk, 'too slow');
  }

  /** A disk may hang on one bad sector and be fast elsewhere: then the chunk is rebuilt on the same disk. */
  #handleSlowChunk(id: ContractId, disk: Disk): void {
    if (disk.chunks.has(id) && disk.health.recordSlowChunk(id)) {
      this.#deps.log.error('slow chunk marked as lost', { contract: id, disk: disk.path });
      this.#listener.chunksLost([id]);
    }
    this.#handleTimeout(disk);
  }

  #handleWriteRejection(disk: Disk, reason: string): void {
    const others = this.#findOthers(disk);
    const isReplaceable = others.length > 0 && this.#placement.canReplace(disk, others);
    const kind = classifyDiskError(reason) === 'io' ? 'io' : 'read_only';
    this.#report(disk, kind, { type: 'write_rejected', reason, isReplaceable });
  }

  /** @returns false if there is no other disk, so that this one is kept in use */
  #quarantineUnreliable(disk: Disk, reason: string): boolean {
    this.#apply(disk, { type: 'unreliable', reason, hasAlternative: this.#findOthers(disk).length > 0 });
    return !disk.isUsable;
  }

  #report(disk: Disk, kind: DiskErrorKind, event: DiskEvent): void {
    this.#deps.onError(disk.path, kind);
    this.#apply(disk, event);
  }

  /** Applies an event to a disk. Logs a change of state; the chunks of a disk that enters quarantine are lost. */
  #apply(disk: Disk, event: DiskEvent): void {
    const { since } = disk;
    const before = disk.apply(event);
    const { state, path } = disk;
    const { log } = this.#deps;
    if (state.kind === before.kind || before.kind === 'quarantined') return;
    switch (state.kind) {
      case 'ok':
        log.info('disk writable again', { disk: path, ...this.#measure(since) });
        break;
      case 'full':
        void this.#logFull(disk);
        break;
      case 'read_only':
        log.warn('disk read-only', { disk: path, reason: state.reason });
        break;
      case 'quarantined': {
        const ids = this.#placement.removeDisk(disk);
        disk.health.reset();
        log.error('disk quarantined', { disk: path, reason: state.reason, chunks: ids.length });
        this.#listener.chunksLost(ids);
      }
    }
  }

  /** How long a disk was in a state that is over now. */
  #measure(since: Instant | undefined): { readonly seconds?: number } {
    return since === undefined ? {} : { seconds: Math.round((this.#deps.clock.now() - since) / 1_000) };
  }

  /** Free space and inodes as of now say which of them is used up. */
  async #logFull(disk: Disk): Promise<void> {
    await disk.checkSpace();
    const { path, reason, freeBytes, freeFiles } = disk;
    this.#deps.log.warn('disk full', { disk: path, reason, freeBytes, freeInodes: freeFiles });
  }

  async #readmit(disk: Disk, usableAs: UsableState): Promise<void> {
    try {
      const { found } = await this.#placement.scanDisk(disk);
      const { since } = disk;
      this.#apply(disk, { type: 'readmitted', usableAs });
      this.#deps.log.info('disk readmitted', {
        disk: disk.path,
        state: usableAs.kind,
        chunks: found.length,
        ...this.#measure(since),
      });
      this.#listener.chunksFound(found);
    } catch (error) {
      this.#apply(disk, { type: 'probed', usableAs: undefined });
      this.#deps.log.warn('disk not readmitted', { disk: disk.path, error });
    }
  }
}

/** @throws DisksError if the failure is not the disk's fault: the farmer must not rebuild chunks that are there */
function assertResourcesAvailable(disk: Disk, { kind, reason }: ProbeFailure): void {
  if (kind !== 'exhausted') return;
  throw new DisksError(
    'exhausted',
    `${disk.path} cannot be scanned: this process is out of file descriptors or memory (${reason}); raise its limits (ulimit -n, or those of the container) and restart it`,
  );
}
