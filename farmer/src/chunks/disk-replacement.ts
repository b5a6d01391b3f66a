import { CodedError, waitAtMost } from '@downstream/platform';
import { DISK_RESPONSE_TIMEOUT_MS, identifyDisk } from './data-dir.ts';
import type { Disk } from './disk.ts';
import { readMarker, toDataDirError } from './disk-marker.ts';
import type { Disks } from './disks.ts';
import { describeFileSystem, type FileSystem, findSharedFileSystem } from './file-system.ts';

/** A disk cannot be replaced. The message says why and what to do. */
class ReplacementError extends CodedError<
  'unknown' | 'first' | 'in_use' | 'not_replaced' | 'not_mounted' | 'duplicate'
> {}

export interface ReplacementOptions {
  /** Accepts a directory that is on the same file system as `/` or another data directory. */
  readonly allowSharedFileSystem: boolean;
}

export interface DiskReplacementDeps {
  readonly farmId: string;
  readonly disks: Pick<Disks, 'list' | 'replace'>;
  /** Receives the known disks: their directories by disk id. */
  readonly saveDisks: (disks: ReadonlyMap<string, string>) => void;
}

/**
 * Replaces a dead disk by a new one in the same directory. A disk that is merely not mounted looks the same as a new
 * one: an empty directory. So the directory must be on a separate file system, unless the operator says otherwise.
 */
export class DiskReplacement {
  readonly #deps: DiskReplacementDeps;

  constructor(deps: DiskReplacementDeps) {
    this.#deps = deps;
  }

  /** Checks without any change. @returns the file system of the directory @throws ReplacementError or DataDirError */
  async check(path: string, { allowSharedFileSystem }: ReplacementOptions): Promise<FileSystem> {
    const disk = this.find(path);
    try {
      return await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, this.#inspect(disk, allowSharedFileSystem));
    } catch (error) {
      throw error instanceof ReplacementError ? error : toDataDirError(error, path);
    }
  }

  /** Marks the new disk and uses it. @returns its disk @throws ReplacementError or DataDirError */
  async replace(path: string, options: ReplacementOptions): Promise<Disk> {
    const { farmId, disks, saveDisks } = this.#deps;
    await this.check(path, options);
    const disk = this.find(path);
    const settings = { farmId, init: true, isStateDir: false, isKnown: false };
    let id: string;
    try {
      id = await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, identifyDisk(path, settings));
    } catch (error) {
      throw toDataDirError(error, path);
    }
    const ids = disks.list.map((each) => [each === disk ? id : each.id, each.path] as const);
    saveDisks(new Map(ids));
    await disks.replace(disk, id);
    return disk;
  }

  /** @returns the disk of a directory that can be replaced @throws ReplacementError */
  find(path: string): Disk {
    const { list } = this.#deps.disks;
    const disk = list.find((each) => each.path === path);
    if (disk === undefined) {
      const paths = list.map((each) => each.path).join(', ');
      throw new ReplacementError('unknown', `${path} is not a data directory of this farmer: expected one of ${paths}`);
    }
    if (disk === list[0]) {
      throw new ReplacementError(
        'first',
        `${path} is the first data directory, which holds the state: follow "Replace the first disk" in docs/operate.md`,
      );
    }
    if (disk.isUsable) {
      throw new ReplacementError('in_use', `${path} is in use: only a disk that is quarantined can be replaced`);
    }
    return disk;
  }

  async #inspect(disk: Disk, allowSharedFileSystem: boolean): Promise<FileSystem> {
    const { path } = disk;
    const others = this.#deps.disks.list.filter((other) => other !== disk);
    const marker = await readMarker(path).catch((error: unknown) => {
      throw toDataDirError(error, path);
    });
    if (marker?.disk === disk.id) {
      throw new ReplacementError(
        'not_replaced',
        `${path} still contains the old disk (${disk.reason}): mount the new disk there first. If the old one works, the farmer uses it again by itself`,
      );
    }
    const twin = others.find(({ id }) => id === marker?.disk);
    if (twin !== undefined)
      throw new ReplacementError('duplicate', `${path} contains the disk of ${twin.path}: mount the new disk there`);
    // A disk with a marker is mounted.
    const usable = others.filter((other) => other.isUsable).map((other) => other.path);
    const shared = marker === undefined ? await findSharedFileSystem(path, ['/', ...usable]) : undefined;
    if (shared !== undefined && !allowSharedFileSystem) {
      throw new ReplacementError(
        'not_mounted',
        `${path} is on the same file system as ${shared}, so the new disk is probably not mounted: mount it. If this is what you want, use --same-file-system`,
      );
    }
    return await describeFileSystem(path);
  }
}
