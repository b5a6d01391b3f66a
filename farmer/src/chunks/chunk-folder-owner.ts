import { lstat, mkdir } from 'node:fs/promises';
import { getErrorCode } from '@downstream/platform';
import { DataDirError, MARKER_FILE, type Owner, readMarker, writeMarker } from './disk-marker.ts';

/** The folder of the chunks in a data directory. */
export const CHUNK_FOLDER = 'chunks';

/**
 * Checks the marker file in a chunk folder: through a link or a mount, it may be the folder of another farmer, whose
 * chunks this one would delete. A folder without a marker belongs to the directory it is in, unless it is a link.
 *
 * @returns whether the folder is marked
 * @throws DataDirError `foreign`
 */
export async function checkChunkFolder(folder: string, owner: Owner): Promise<boolean> {
  const entry = await lstat(folder).catch((error: unknown) => {
    if (getErrorCode(error) !== 'ENOENT') throw error;
  });
  if (entry === undefined) return false;
  if (!(entry.isDirectory() || entry.isSymbolicLink()))
    throw new DataDirError('foreign', `${folder} is not a directory: move it away; ${ELSEWHERE}`);
  const marker = await readMarker(folder);
  if (marker?.farm === owner.farm && marker.disk === owner.disk) return true;
  if (marker !== undefined)
    throw new DataDirError(
      'foreign',
      `${folder} belongs to another farmer or disk: ${entry.isSymbolicLink() ? 'remove the link' : 'unmount it, or move it away, but do not delete it'}; ${ELSEWHERE}`,
    );
  if (entry.isSymbolicLink())
    throw new DataDirError(
      'foreign',
      `${folder} is a link to a folder without ${MARKER_FILE}: remove the link; ${ELSEWHERE}`,
    );
  return false;
}

const ELSEWHERE = 'to store chunks elsewhere, set FARMER_DATA_DIR';

/** Creates and marks a chunk folder if necessary. @throws DataDirError `foreign`, or the error of the file system */
export async function claimChunkFolder(folder: string, owner: Owner): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (getErrorCode(error) !== 'EEXIST') throw error;
  });
  if (!(await checkChunkFolder(folder, owner))) await writeMarker(folder, owner);
}
