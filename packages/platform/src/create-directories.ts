import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { getErrorCode } from './errors.ts';

/**
 * Creates a directory and its missing parents. `mkdir` with `recursive` never ends in file systems such as `/proc`,
 * which report a missing parent although it exists.
 *
 * @returns the first directory that was created; undefined if all exist
 */
export async function createDirectories(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    const code = getErrorCode(error);
    if (code === 'EEXIST' && (await isDirectory(path))) return undefined;
    if (code !== 'ENOENT' || (await isDirectory(dirname(path)))) throw error;
  }
  const firstParent = await createDirectories(dirname(path), mode);
  const created = await createDirectories(path, mode);
  return firstParent ?? created;
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
