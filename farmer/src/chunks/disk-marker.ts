import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, flush, getErrorCode, TimeoutError } from '@downstream/platform';
import { z } from 'zod';
import { OWNER_ONLY } from './chunk-io.ts';

/** A configured directory cannot be used. The message says what to do. */
export class DataDirError extends CodedError<
  'inaccessible' | 'empty' | 'foreign' | 'state_lost' | 'state_misplaced' | 'duplicate' | 'unusable'
> {}

export function toDataDirError(error: unknown, path: string): DataDirError {
  if (error instanceof DataDirError) return error;
  const problem =
    error instanceof TimeoutError ? 'does not respond' : `is inaccessible (${getErrorCode(error) ?? 'unknown'})`;
  return new DataDirError(
    'inaccessible',
    `the data directory ${path} ${problem}: check FARMER_DATA_DIR, the disk and its mount, and the owner`,
  );
}

export const MARKER_FILE = 'downstream.json';
/** What it means if the directory of a known disk has no marker. */
export const NO_MARKER = 'not mounted, or a new disk';
const marker = z.object({ format: z.literal(1), farm: z.string().max(100), disk: z.string().max(100) });

/** The farm and the disk that a directory belongs to. */
export type Owner = Pick<z.infer<typeof marker>, 'farm' | 'disk'>;

/**
 * Reads the owner of a directory from the file `downstream.json` in it.
 *
 * @returns undefined if there is no marker
 * @throws DataDirError if the marker is invalid; the error of the file system if it cannot be read
 */
export async function readMarker(directory: string): Promise<Owner | undefined> {
  const path = join(directory, MARKER_FILE);
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
      `${path} is damaged or was written by a newer farmer: run the newer version. If the file is damaged and in the same directory as this farmer's state.db, delete it: the farmer recreates it`,
    );
  }
}

/** Marks a directory as belonging to a disk of a farm. */
export async function writeMarker(directory: string, { farm, disk }: Owner): Promise<void> {
  const path = join(directory, MARKER_FILE);
  // A previous run may have left it behind. Opening must not follow a link.
  await rm(`${path}.partial`, { force: true });
  {
    await using file = await open(`${path}.partial`, 'wx', OWNER_ONLY);
    await file.writeFile(`${JSON.stringify({ format: 1, farm, disk } satisfies z.infer<typeof marker>)}\n`);
    await file.sync();
  }
  await rename(`${path}.partial`, path);
  await flush(directory);
}
