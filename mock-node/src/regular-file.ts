import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Does not wait for the writer of a pipe. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** The path names something else than a regular file of acceptable size. */
export class FileKindError extends Error {}

/**
 * Opens a regular file for reading, without waiting for the writer of a pipe.
 *
 * @throws FileKindError; the file system's error if the file cannot be opened
 */
export async function openRegularFile(path: string, maxBytes: number): Promise<FileHandle> {
  const file = await open(path, FLAGS);
  try {
    checkKind(await file.stat(), maxBytes);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** As {@link openRegularFile}. @returns the file descriptor and the size */
export function openRegularFileSync(path: string, maxBytes: number): { file: number; sizeBytes: number } {
  const file = openSync(path, FLAGS);
  try {
    const stats = fstatSync(file);
    checkKind(stats, maxBytes);
    return { file, sizeBytes: stats.size };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function checkKind(stats: Stats, maxBytes: number): void {
  if (!stats.isFile()) throw new FileKindError('not a regular file');
  if (stats.size > maxBytes) throw new FileKindError(`larger than ${maxBytes} bytes`);
}
