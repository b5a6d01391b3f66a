import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { getErrorCode, waitAtMost } from '@downstream/platform';
import { DataDirError, MARKER_FILE, readMarker, toDataDirError, writeMarker } from './disk-marker.ts';

/** Entries that an empty directory may have: what file systems create, and a genesis file copied beforehand. */
const IGNORED_ENTRIES = ['lost+found', 'genesis', '.probe', `${MARKER_FILE}.partial`];
/** A disk in standby needs some seconds to wake up. */
export const DISK_RESPONSE_TIMEOUT_MS = 30_000;
const STATE_FILES = ['state.db', 'state.replica.db'];
const EMPTY_REMEDY =
  'check the path in FARMER_DATA_DIR; if its disk is not mounted, mount it; if the farmer or the disk is new, start once with --init (FARMER_INIT=true)';

/**
 * Checks that a directory was set up, or can be. Accepts an empty one and creates a missing one only with `init`,
 * because the path may be wrong or its disk not mounted.
 *
 * @returns whether it is new
 * @throws DataDirError
 */
export async function prepareDataDir(
  path: string,
  { init, isStateDir = true }: { init: boolean; isStateDir?: boolean },
): Promise<boolean> {
  const entries = await listEntries(path);
  if (entries === undefined) {
    if (!init) throw new DataDirError('empty', `the data directory ${path} does not exist: ${EMPTY_REMEDY}`);
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw toDataDirError(error, path);
    });
    return true;
  }
  // The farmer may have been killed between writing its state and the marker.
  if (entries.some((name) => name === MARKER_FILE || (isStateDir && STATE_FILES.includes(name)))) return false;
  if (entries.length === 0) {
    if (init) return true;
    throw new DataDirError('empty', `the data directory ${path} is empty: ${EMPTY_REMEDY}`);
  }
  throw new DataDirError(
    'foreign',
    `the data directory ${path} contains other files (${entries.slice(0, 3).join(', ')}): use an empty directory as FARMER_DATA_DIR`,
  );
}

/**
 * Checks that a directory that was set up still has its state: without it, the farmer would release all contracts.
 *
 * @throws DataDirError `state_lost`
 */
export async function assertStateExists(path: string): Promise<void> {
  const marker = await readMarker(path).catch((error: unknown) => {
    throw toDataDirError(error, path);
  });
  if (marker === undefined || STATE_FILES.some((name) => existsSync(join(path, name)))) return;
  throw new DataDirError(
    'state_lost',
    `${path} has lost state.db and its replica: restore a backup as state.db, or, to start over without the old contracts, use another FARMER_DATA_DIR`,
  );
}

/** @returns undefined if the directory does not exist */
async function listEntries(path: string): Promise<string[] | undefined> {
  try {
    return (await readdir(path)).filter((name) => !IGNORED_ENTRIES.includes(name));
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return undefined;
    throw toDataDirError(error, path);
  }
}

/** A directory for chunks after the check at start. */
export interface DiskFolder {
  readonly path: string;
  readonly sizeBytes: number;
  readonly diskId: string;
  /** Why it cannot be used now. */
  readonly fault?: string | undefined;
}

export interface DiskFolderOptions {
  readonly farmId: string;
  readonly init: boolean;
  /** The disks that hold chunks: their directories by disk id. */
  readonly known: ReadonlyMap<string, string>;
}

/**
 * Checks which farm each directory belongs to, and marks new ones. The first directory holds the state and must be
 * usable. Any other known directory is returned with its fault if it cannot be used now.
 *
 * @throws DataDirError also if a new directory cannot be used
 */
export async function openDiskFolders(
  folders: readonly { readonly path: string; readonly sizeBytes: number }[],
  { farmId, init, known }: DiskFolderOptions,
): Promise<DiskFolder[]> {
  const opened: DiskFolder[] = [];
  for (const { path, sizeBytes } of folders) {
    const isStateDir = opened.length === 0;
    const [knownId] = [...known].find(([, knownPath]) => knownPath === path) ?? [];
    try {
      const diskId = await waitAtMost(
        DISK_RESPONSE_TIMEOUT_MS,
        identifyDisk(path, { farmId, init, isStateDir, isKnown: knownId !== undefined }),
      );
      const other = opened.find((one) => one.diskId === diskId);
      if (other) {
        throw new DataDirError('duplicate', `${path} is the same disk as ${other.path}: configure each disk once`);
      }
      opened.push({ path, sizeBytes, diskId });
    } catch (error) {
      const failure = toDataDirError(error, path);
      if (isStateDir || knownId === undefined) throw failure;
      opened.push({ path, sizeBytes, diskId: knownId, fault: getErrorCode(error) ?? failure.code });
    }
  }
  return opened;
}

async function identifyDisk(
  path: string,
  { farmId, init, isStateDir, isKnown }: { farmId: string; init: boolean; isStateDir: boolean; isKnown: boolean },
): Promise<string> {
  if (!isStateDir && !isKnown) await prepareDataDir(path, { init, isStateDir });
  const marker = await readMarker(path);
  if (marker === undefined) {
    if (isStateDir || !isKnown) return await writeMarker(path, farmId);
    throw new DataDirError('empty', `the disk of ${path} is not mounted: the directory has no ${MARKER_FILE}`);
  }
  if (marker.farm !== farmId) {
    throw new DataDirError(
      'foreign',
      `the data directory ${path} belongs to another farmer: check FARMER_DATA_DIR and the mounts`,
    );
  }
  return marker.disk;
}
