import { getErrorCode, TimeoutError } from '@downstream/platform';
import { ChunkError, NodeError } from '../farming/errors.ts';
import { classifyDiskError } from './disk-errors.ts';

/** What the error code of a file operation means for a chunk. */
export function createFileError(cause = 'unknown'): ChunkError {
  switch (classifyDiskError(cause)) {
    case 'full':
      return new ChunkError(
        'disk_full',
        cause === 'EDQUOT'
          ? 'the disk quota is used up: raise it, or free space within it'
          : 'the file system has no free space or no free inodes: free some',
        { cause },
      );
    case 'exhausted':
      return new ChunkError(
        'exhausted',
        'this process is out of file descriptors or memory: raise its limits (ulimit -n, or those of the container)',
        { cause },
      );
    default:
      return new ChunkError('unreadable', 'a file could not be read or written', { cause });
  }
}

export function toChunkError(error: unknown): ChunkError {
  if (error instanceof ChunkError) return error;
  if (error instanceof NodeError || error instanceof TimeoutError) {
    return new ChunkError('download_failed', 'the download failed', { cause: error.code });
  }
  return createFileError(getErrorCode(error));
}
