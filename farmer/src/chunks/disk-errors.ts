/** What the error of a file operation says about the disk; undefined if it affects only one chunk. */
export type DiskErrorClass =
  | 'full'
  /** Kernels remount a failing disk read-only: it can often still be read. */
  | 'read_only'
  | 'gone'
  /** One file is missing, or all of them: the mount point of an unmounted disk is an empty folder. */
  | 'missing'
  /** Access to one file is denied, or to all of them. */
  | 'denied'
  | 'io'
  /** This process is out of a resource, which says nothing about the disk. */
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

/** @param code an error code such as `EIO` */
export function classifyDiskError(code: string): DiskErrorClass | undefined {
  return DISK_ERROR_CLASSES[code];
}

/** The values of the label `kind` of `farmer_disk_errors_total`. */
export const DISK_ERROR_KINDS = ['full', 'read_only', 'io', 'slow', 'gone'] as const;
export type DiskErrorKind = (typeof DISK_ERROR_KINDS)[number];
