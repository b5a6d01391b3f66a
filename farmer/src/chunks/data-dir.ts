import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CodedError, flush, getErrorCode, TimeoutError, waitAtMost } from '@downstream/platform';
import { z } from 'zod';
import { OWNER_ONLY } from './chunk-io.ts';

/** A folder that the farmer was given can't be used. */
class DataDirError extends CodedError<'not_writable' | 'empty' | 'foreign' | 'state_lost' | 'twice'> {}

const MARKER_FILE = 'downstream.json';
const marker = z.object({ format: z.literal(1), farm: z.string().max(100), disk: z.string().max(100) });

/** Whose a folder is, as the file `downstream.json` in it says. */
export type Marker = z.infer<typeof marker>;

/** What says nothing of whose a folder is: what every file system has, and the genesis file, which may be put there beforehand. */
const IGNORED_ENTRIES = ['lost+found', 'genesis', '.probe', `${MARKER_FILE}.partial`];
/** A disk that sleeps needs some seconds to wake up. */
export const DISK_RESPONSE_TIMEOUT_MS = 30_000;
const STATE_FILES = ['state.db', 'state.replica.db'];

/**
 * @returns undefined where there is none
 * @throws DataDirError where it says nothing that is known; the file system's error where it can't be read
 */
export async function readMarker(folder: string): Promise<Marker | undefined> {
  const path = join(folder, MARKER_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return marker.parse(JSON.parse(text));
  } catch {
    throw new DataDirError(
      'foreign',
      `${path} does not say whose the folder is: if a newer farmer wrote it, start that one; if it is damaged, and this farmer's state.db is beside it, remove it: it is written again, and nothing is lost`,
    );
  }
}

/** Says for good whose a folder is. @returns the disk's id */
export async function writeMarker(folder: string, farm: string): Promise<string> {
  const disk = randomUUID();
  const path = join(folder, MARKER_FILE);
  {
    await using file = await open(`${path}.partial`, 'w', OWNER_ONLY);
    await file.writeFile(`${JSON.stringify({ format: 1, farm, disk } satisfies Marker)}\n`);
    await file.sync();
  }
  await rename(`${path}.partial`, path);
  await flush(folder);
  return disk;
}

/**
 * Makes a folder ready to be begun in, or finds that it was. One that is empty, or not there with nothing beside it, is begun in only
 * where the operator says so: a disk may not be mounted.
 *
 * @throws DataDirError whose message says what to do
 */
export async function prepareDataDir(
  path: string,
  { init, isHome = true }: { init: boolean; isHome?: boolean },
): Promise<void> {
  const there = await listEntries(path);
  if (there === undefined) {
    if (!init) await assertMounted(path);
    return await createFolder(path);
  }
  // A state without a marker is an older farmer's.
  if (there.some((name) => name === MARKER_FILE || (isHome && STATE_FILES.includes(name)))) return;
  if (there.length === 0) {
    if (init) return;
    throw new DataDirError(
      'empty',
      `the data directory ${path} is empty: if its disk is not mounted, mount it; if this is a new farmer, start once with --init (FARMER_INIT=true)`,
    );
  }
  throw new DataDirError(
    'foreign',
    `the data directory ${path} holds other things (${there.slice(0, 3).join(', ')}), and nothing of a farmer: give a folder of its own as FARMER_DATA_DIR`,
  );
}

/** A folder that is not there may be on a disk that is not mounted: then what is there of its path is empty. */
async function assertMounted(path: string): Promise<void> {
  let above = dirname(resolve(path));
  let there = await listEntries(above);
  while (there === undefined && above !== dirname(above)) {
    above = dirname(above);
    there = await listEntries(above);
  }
  if (there?.length !== 0) return;
  throw new DataDirError(
    'empty',
    `the data directory ${path} is not there, and ${above} is empty: if its disk is not mounted, mount it; if this is a new farmer, start once with --init (FARMER_INIT=true)`,
  );
}

/** The folder of the state was begun in, but its state is gone: a new one would give up all contracts. @throws DataDirError */
export async function assertStateExists(path: string): Promise<void> {
  const found = await readMarker(path).catch((error: unknown) => {
    throw toDataDirError(error, path);
  });
  if (found === undefined || STATE_FILES.some((name) => existsSync(join(path, name)))) return;
  throw new DataDirError(
    'state_lost',
    `${path} has lost its state.db and its second copy: put a backup there as state.db, or, to begin anew and give all contracts up, use another FARMER_DATA_DIR`,
  );
}

/** What is in a folder; undefined where there is none. */
async function listEntries(path: string): Promise<string[] | undefined> {
  try {
    return (await readdir(path)).filter((name) => !IGNORED_ENTRIES.includes(name));
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return undefined;
    throw new DataDirError(
      'not_writable',
      `the data directory ${path} can't be read (${getErrorCode(error) ?? 'unknown'}): check FARMER_DATA_DIR and its owner`,
    );
  }
}

async function createFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new DataDirError(
      'not_writable',
      `the data directory ${path} can't be made (${getErrorCode(error) ?? 'unknown'}): check FARMER_DATA_DIR and its owner`,
    );
  }
}

function toDataDirError(error: unknown, path: string): DataDirError {
  if (error instanceof DataDirError) return error;
  const what =
    error instanceof TimeoutError ? 'does not answer' : `can't be used (${getErrorCode(error) ?? 'unknown'})`;
  return new DataDirError(
    'not_writable',
    `the data directory ${path} ${what}: check its disk, its mount and its owner`,
  );
}

/** A folder for chunks, at the start. */
export interface DiskFolder {
  readonly path: string;
  readonly sizeBytes: number;
  readonly diskId: string;
  /** Why it can't be used now. */
  readonly fault?: string | undefined;
}

export interface DiskFolderOptions {
  readonly farmId: string;
  readonly init: boolean;
  /** The disks that chunks were put on: their folders by their ids. */
  readonly known: ReadonlyMap<string, string>;
}

/**
 * Looks whose each folder is, and marks those that are begun in. The first holds the state and must be well. Another one that was farmed on
 * and is not there, or not ours any more, is told with its fault; one that never was ours is refused.
 *
 * @throws DataDirError
 */
export async function openDiskFolders(
  folders: readonly { readonly path: string; readonly sizeBytes: number }[],
  { farmId, init, known }: DiskFolderOptions,
): Promise<DiskFolder[]> {
  const opened: DiskFolder[] = [];
  for (const { path, sizeBytes } of folders) {
    const isHome = opened.length === 0;
    const [knownId] = [...known].find(([, knownPath]) => knownPath === path) ?? [];
    try {
      const diskId = await waitAtMost(
        DISK_RESPONSE_TIMEOUT_MS,
        identifyDisk(path, { farmId, init, isHome, isKnown: knownId !== undefined }),
      );
      const before = opened.find((other) => other.diskId === diskId);
      if (before) throw new DataDirError('twice', `${path} is the same disk as ${before.path}: give each one once`);
      opened.push({ path, sizeBytes, diskId });
    } catch (error) {
      const why = toDataDirError(error, path);
      if (isHome || knownId === undefined) throw why;
      opened.push({ path, sizeBytes, diskId: knownId, fault: getErrorCode(error) ?? why.code });
    }
  }
  return opened;
}

async function identifyDisk(
  path: string,
  { farmId, init, isHome, isKnown }: { farmId: string; init: boolean; isHome: boolean; isKnown: boolean },
): Promise<string> {
  if (!isHome && !isKnown) await prepareDataDir(path, { init, isHome });
  const found = await readMarker(path);
  if (found === undefined) {
    if (isHome || !isKnown) return await writeMarker(path, farmId);
    throw new DataDirError('empty', `the disk of ${path} is not mounted: there is nothing of a farmer`);
  }
  if (found.farm !== farmId) {
    throw new DataDirError(
      'foreign',
      `the data directory ${path} belongs to another farmer: check FARMER_DATA_DIR and what is mounted there`,
    );
  }
  return found.disk;
}
