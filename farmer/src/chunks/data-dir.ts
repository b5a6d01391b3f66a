import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, readdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createDirectories, getErrorCode, waitAtMost } from '@downstream/platform';
import { CHUNK_FOLDER, checkChunkFolder } from './chunk-folder-owner.ts';
import { classifyDiskError } from './disk-errors.ts';
import { DataDirError, MARKER_FILE, NO_MARKER, readMarker, toDataDirError, writeMarker } from './disk-marker.ts';
import { createSpaceReader, describeShortage, type FileSystemSpace } from './disk-space.ts';
import { isProbeFile, ProbeError, probeFolder, removeProbeFiles } from './folder-probe.ts';

/** Entries that an empty directory may have: what file systems create, and a genesis file copied beforehand. */
const IGNORED_ENTRIES = ['lost+found', 'genesis', `${MARKER_FILE}.partial`];
/** A disk in standby needs some seconds to wake up. */
export const DISK_RESPONSE_TIMEOUT_MS = 30_000;
const STATE_FILES = ['state.db', 'state.replica.db'];
/** More than the probes write. */
const PROBE_BYTES = 1024 * 1024;
const EMPTY_REMEDY =
  'check the path in FARMER_DATA_DIR; if its disk is not mounted, mount it; if the farmer or the disk is new, start once with --init (FARMER_INIT=true)';

export interface DataDirOptions {
  readonly init: boolean;
  /** Whether the directory holds the state. */
  readonly isStateDir?: boolean;
  /** Also tests what the state needs. @throws ProbeError */
  readonly probeState?: (folder: string) => void;
  /** Reads the free space of the directory's file system, for the error message. */
  readonly readSpace?: () => Promise<FileSystemSpace>;
}

/**
 * Checks that a directory was set up, or can be, and that its file system does all that the farmer needs. Accepts an
 * empty one and creates a missing one only with `init`, because the path may be wrong or its disk not mounted.
 *
 * @returns whether it is new
 * @throws DataDirError; then the directory is unchanged
 */
export async function prepareDataDir(path: string, options: DataDirOptions): Promise<boolean> {
  const isNew = await isNewDirectory(path, options);
  const created = isNew ? await createDirectory(path) : undefined;
  try {
    await removeProbeFiles(path);
    await probeFolder(path);
    options.probeState?.(path);
  } catch (error) {
    // A disk that fails or is full can still be read: the farmer proves the chunks that are there.
    const isTemporary = classifyDiskError(getErrorCode(error) ?? '') !== undefined;
    if (isNew || !isTemporary) {
      const failure = await explainProbeError(error, path, options.readSpace);
      await removeDirectories(path, created);
      throw failure;
    }
  }
  return isNew;
}

/**
 * Tests a directory like {@link prepareDataDir}, and leaves nothing behind: it tests the directory above a missing one,
 * and deletes no files but its own, because a farmer may be using the directory.
 *
 * @returns whether it is new
 * @throws DataDirError
 */
export async function testDataDir(path: string, options: DataDirOptions): Promise<boolean> {
  const isNew = await isNewDirectory(path, options);
  const existing = await findExistingFolder(path);
  try {
    await probeFolder(existing);
  } catch (error) {
    throw await explainProbeError(error, existing, options.readSpace);
  }
  return isNew;
}

/** The directory itself, or the nearest one above it that exists. */
export async function findExistingFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const exists = await stat(folder).then(
      () => true,
      () => false,
    );
    if (exists || folder === dirname(folder)) return folder;
  }
}

/** @throws DataDirError if the directory may be the wrong one */
async function isNewDirectory(path: string, { init, isStateDir = true }: DataDirOptions): Promise<boolean> {
  const entries = await listEntries(path);
  if (entries === undefined) {
    if (init) return true;
    throw new DataDirError('empty', `the data directory ${path} does not exist: ${EMPTY_REMEDY}`);
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

/** @returns the first directory that was created; undefined if all exist */
async function createDirectory(path: string): Promise<string | undefined> {
  try {
    return await createDirectories(path, 0o700);
  } catch (error) {
    throw toDataDirError(error, path);
  }
}

/** Removes the empty directories from `path` up to `first`. */
async function removeDirectories(path: string, first: string | undefined): Promise<void> {
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await rmdir(folder).catch(() => {});
}

async function explainProbeError(
  error: unknown,
  path: string,
  readSpace = createSpaceReader(path),
): Promise<DataDirError> {
  if (!(error instanceof ProbeError)) return toDataDirError(error, path);
  const errorClass = classifyDiskError(error.code);
  if (errorClass === 'full') {
    const space = await readSpace().catch(() => undefined);
    const shortage = describeShortage(error.code, space, PROBE_BYTES);
    return new DataDirError('unusable', `the data directory ${path} cannot be written: ${shortage}`);
  }
  if (errorClass !== undefined) return toDataDirError(error, path);
  return new DataDirError(
    'unusable',
    `the file system of ${path} cannot be used: ${error.message}; set FARMER_DATA_DIR to a directory on a local file system such as ext4 or XFS`,
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
    `${path} has lost state.db and its replica: if another disk belongs there, mount it; if the files are elsewhere, list their directory first in FARMER_DATA_DIR; otherwise restore a backup (downstream restore FILE). To start over without the old contracts, use another FARMER_DATA_DIR`,
  );
}

/**
 * Checks that no other directory than the first one has the state: directories may be listed in another order than
 * before, or their disks be mounted at each other's place.
 *
 * @throws DataDirError `state_misplaced`
 */
export async function assertStateIsFirst([first = '', ...others]: readonly string[]): Promise<void> {
  if (await hasState(first)) return;
  for (const other of others) {
    if (!(await hasState(other))) continue;
    throw new DataDirError(
      'state_misplaced',
      `the state of the farmer (state.db) is in ${other}, not in ${first}: list ${other} first in FARMER_DATA_DIR, or swap the mounts`,
    );
  }
}

async function hasState(path: string): Promise<boolean> {
  const find = async () =>
    (await Promise.allSettled(STATE_FILES.map(async (name) => await lstat(join(path, name))))).some(
      ({ status }) => status === 'fulfilled',
    );
  return await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, find()).catch(() => false);
}

/** @returns undefined if the directory does not exist */
async function listEntries(path: string): Promise<string[] | undefined> {
  try {
    return (await readdir(path)).filter((name) => !IGNORED_ENTRIES.includes(name) && !isProbeFile(name));
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
      opened.push({
        path,
        sizeBytes,
        diskId: knownId,
        fault: failure.code === 'empty' ? NO_MARKER : (getErrorCode(error) ?? failure.code),
      });
    }
  }
  return opened;
}

/** Checks the owner of a directory, and marks a new one. @returns the disk id @throws DataDirError */
export async function identifyDisk(
  path: string,
  { farmId, init, isStateDir, isKnown }: { farmId: string; init: boolean; isStateDir: boolean; isKnown: boolean },
): Promise<string> {
  if (!isStateDir && !isKnown) await prepareDataDir(path, { init, isStateDir });
  const marker = await readMarker(path);
  const chunkFolder = join(path, CHUNK_FOLDER);
  if (marker === undefined) {
    if (isStateDir || !isKnown) {
      const owner = { farm: farmId, disk: (await findDiskId(chunkFolder, farmId)) ?? randomUUID() };
      await checkChunkFolder(chunkFolder, owner);
      await writeMarker(path, owner);
      return owner.disk;
    }
    throw new DataDirError('empty', `the disk of ${path} is not mounted: the directory has no ${MARKER_FILE}`);
  }
  if (marker.farm !== farmId) {
    throw new DataDirError(
      'foreign',
      `the data directory ${path} belongs to another farmer: check FARMER_DATA_DIR and the mounts`,
    );
  }
  await checkChunkFolder(chunkFolder, marker);
  return marker.disk;
}

/** The disk of a chunk folder that this farm set up, whose directory has lost its marker. */
async function findDiskId(chunkFolder: string, farmId: string): Promise<string | undefined> {
  const entry = await lstat(chunkFolder).catch(() => undefined);
  const marker = entry?.isDirectory() ? await readMarker(chunkFolder) : undefined;
  return marker?.farm === farmId ? marker.disk : undefined;
}
