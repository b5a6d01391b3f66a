import { randomBytes, randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError, flush, getErrorCode } from '@downstream/platform';
import { OWNER_ONLY } from './chunk-io.ts';

/** A folder does not support an operation that the farmer needs. The code is that of the file system. */
export class ProbeError extends CodedError {}

const SMALL_BYTES = 16;
const BLOCK_BYTES = 1024 * 1024;
/** Files that a probe created: a process that was killed leaves them behind. */
const PROBE_FILE = /^\.probe(-[0-9a-f-]{36}[a-z.-]*)?$/;

export const isProbeFile = (name: string): boolean => PROBE_FILE.test(name);

/** A unique name for a file that a probe creates. */
export const createProbeName = (): string => `.probe-${randomUUID()}`;

/**
 * Does in a folder everything that storing a chunk needs: creates, writes, flushes, reads, renames, replaces and
 * deletes a file, and flushes the folder. Leaves nothing behind.
 *
 * @param sizeBytes with the size of a chunk, the probe also finds quotas and limits of the file size
 * @throws ProbeError with the operation that failed
 */
export async function probeFolder(folder: string, sizeBytes = SMALL_BYTES): Promise<void> {
  const path = join(folder, createProbeName());
  const partial = `${path}.partial`;
  const block = randomBytes(Math.min(sizeBytes, BLOCK_BYTES));
  try {
    {
      await using file = await attempt('creating a file', open(partial, 'wx+', OWNER_ONLY));
      await attempt('writing a file', writeBlocks(file, block, sizeBytes));
      await attempt('flushing a file', file.sync());
      await attempt('reading a file', assertContent(file, block));
    }
    await attempt('renaming a file', rename(partial, path));
    await attempt('creating a file', (async () => await (await open(partial, 'wx', OWNER_ONLY)).close())());
    await attempt('replacing a file', rename(partial, path));
    await attempt('flushing a directory', flush(folder));
    await attempt('deleting a file', rm(path));
  } catch (error) {
    for (const name of [path, partial]) await rm(name, { force: true }).catch(() => {});
    throw error;
  }
}

/** Deletes what earlier probes have left behind. A failure is harmless: the next start tries again. */
export async function removeProbeFiles(folder: string): Promise<void> {
  for (const name of (await readdir(folder).catch(() => [])).filter(isProbeFile)) {
    const path = join(folder, name);
    if ((await lstat(path).catch(() => undefined))?.isFile()) await rm(path, { force: true }).catch(() => {});
  }
}

async function attempt<T>(operation: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = getErrorCode(error) ?? 'unknown';
    throw new ProbeError(code, `${operation} failed (${code})`, { operation }, { cause: error });
  }
}

async function writeBlocks(file: FileHandle, block: Buffer, sizeBytes: number): Promise<void> {
  for (let written = 0; written < sizeBytes; ) {
    const length = Math.min(block.length, sizeBytes - written);
    written += (await file.write(block, 0, length, written)).bytesWritten;
  }
}

async function assertContent(file: FileHandle, block: Buffer): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(block.length), 0, block.length, 0);
  if (!buffer.equals(block)) throw Object.assign(new Error('read returned other bytes'), { code: 'EIO' });
}
