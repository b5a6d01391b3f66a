import type { Instant } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';

/** What a failed call on a file says of its disk; undefined: nothing, it is one chunk's trouble. */
export type DiskErrorClass =
  | 'full'
  /** A disk with errors is often still there to read. */
  | 'read_only'
  | 'gone'
  /** One file, or all of them: a disk that is not mounted any more shows an empty folder. */
  | 'missing'
  /** One file, or all of them. */
  | 'denied'
  | 'io'
  /** This process has no more of something: that says nothing of a disk. */
  | 'exhausted';

const DISK_ERROR_CLASSES: Readonly<Record<string, DiskErrorClass>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read_only',
  ENODEV: 'gone',
  ENXIO: 'gone',
  ENOTCONN: 'gone',
  ESTALE: 'gone',
  ESHUTDOWN: 'gone',
  ENOMEDIUM: 'gone',
  ENOENT: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EIO: 'io',
  EUCLEAN: 'io',
  EBADMSG: 'io',
  EREMOTEIO: 'io',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  ENOMEM: 'exhausted',
  EAGAIN: 'exhausted',
};

/** @param code of the error, such as `EIO` */
export function classifyDiskError(code: string): DiskErrorClass | undefined {
  return DISK_ERROR_CLASSES[code];
}

/** Whether a disk whose probe says so may be there to read all the same. */
export function mayBeReadable(trouble: DiskErrorClass | undefined): boolean {
  return trouble === 'read_only' || trouble === 'denied' || trouble === 'io';
}

/** So many different chunks with errors within an hour, or slow answers in a row, are the disk's fault. */
const STRIKES = 3;
const STRIKES_WITHIN_MS = 3_600_000;
/** So many probes in a row must go well before a disk that failed is used again. */
const PROBES_TRUSTED = 3;

/** What was seen of a disk lately. */
export class DiskHealth {
  #strikes: readonly { readonly id: ContractId; readonly at: Instant }[] = [];
  /** Whether it did not answer in time since this was last set to false. */
  wasSlow = false;
  #slowInARow = 0;
  #wellInARow = 0;
  /** How often it has worked, and of chunks that were slow: how often in a row, and how often it had worked then. */
  #worked = 0;
  readonly #slowChunks = new Map<ContractId, { readonly times: number; readonly worked: number }>();

  /** A chunk could not be read or written. @returns whether it is the disk that is bad */
  strike(id: ContractId, now: Instant): boolean {
    const others = this.#strikes.filter((strike) => strike.id !== id && now - strike.at < STRIKES_WITHIN_MS);
    this.#strikes = [...others, { id, at: now }];
    return this.#strikes.length >= STRIKES;
  }

  /** It did not answer in time. @returns whether it is too slow */
  slow(): boolean {
    this.wasSlow = true;
    this.#slowInARow += 1;
    return this.#slowInARow >= STRIKES;
  }

  /**
   * A chunk was not read in time. A disk that is slow as a whole says nothing of one chunk: it counts where others worked in between.
   *
   * @returns whether it is the chunk that is bad
   */
  slowChunk(id: ContractId): boolean {
    const { times, worked } = this.#slowChunks.get(id) ?? { times: 0, worked: undefined };
    if (worked === this.#worked) return false;
    this.#slowChunks.set(id, { times: times + 1, worked: this.#worked });
    if (times + 1 < STRIKES) return false;
    this.#slowChunks.delete(id);
    return true;
  }

  /** A chunk was read or written in time. */
  worked(id: ContractId): void {
    this.#slowInARow = 0;
    this.#worked += 1;
    this.#slowChunks.delete(id);
  }

  /** There is no such chunk any more. */
  removed(id: ContractId): void {
    this.#slowChunks.delete(id);
  }

  /** It has failed, and was tried. @returns whether it can be used again */
  probed(isWell: boolean): boolean {
    this.#wellInARow = isWell ? this.#wellInARow + 1 : 0;
    return this.#wellInARow >= PROBES_TRUSTED;
  }

  /** Begins anew. */
  forget(): void {
    this.#strikes = [];
    this.#slowInARow = 0;
    this.#wellInARow = 0;
    this.#slowChunks.clear();
  }
}
