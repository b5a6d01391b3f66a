import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { getErrorCode } from './errors.ts';

/** Does not wait for the writer of a pipe. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** The path names something else than a regular file of acceptable size and content. */
class FileKindError extends Error {}

/**
 * Opens a regular file for reading, without waiting for the writer of a pipe.
 *
 * @throws an error for {@link getFileProblem}
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

/**
 * Reads a regular file in UTF-8, at most `maxBytes` even if the file grows meanwhile.
 *
 * @throws an error for {@link getFileProblem}
 */
export function readTextFileSync(path: string, maxBytes: number): string {
  const { file } = openRegularFileSync(path, maxBytes);
  const bytes = Buffer.alloc(maxBytes + 1);
  let length = 0;
  try {
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, { offset: length });
  } finally {
    closeSync(file);
  }
  if (length > maxBytes) throw new FileKindError(`larger than ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
  } catch {
    throw new FileKindError('not a text in UTF-8');
  }
}

/** Why a file could not be read, for an error message: `ENOENT`, `not a regular file`. */
export function getFileProblem(error: unknown): string {
  return error instanceof FileKindError ? error.message : (getErrorCode(error) ?? 'unknown error');
}

function checkKind(stats: Stats, maxBytes: number): void {
  if (!stats.isFile()) throw new FileKindError('not a regular file');
  if (stats.size > maxBytes) throw new FileKindError(`larger than ${maxBytes} bytes`);
}
