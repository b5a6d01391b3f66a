import { HeartbeatError } from './heartbeat-error.ts';

/** Size in bytes of the buffers for reading files. */
export const BUFFER_BYTES = 64 * 1024;

/** A file that can be read at any position. Reading blocks, so use it in a worker thread. */
export interface RandomAccessFile {
  /** In bytes. */
  readonly size: number;
  /**
   * Reads bytes into a buffer.
   *
   * @param position offset in the file, in bytes
   * @returns the number of bytes read, possibly fewer than the buffer holds; 0 at the end of the file
   */
  read(buffer: Uint8Array, position: number): number;
  /** Returns bytes without copying them, fewer at the end of the file. Only for files in memory. */
  readonly view?: (position: number, length: number) => Uint8Array;
}

/** A file in memory. */
export function fileFromBytes(bytes: Uint8Array): RandomAccessFile {
  return {
    size: bytes.length,
    view: (position, length) => bytes.subarray(position, position + length),
    read(buffer, position) {
      const part = bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
  };
}

/** Allocating a buffer for each proof would cost a fifth of its time. No two files are read at once: reading blocks. */
const sharedBuffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/**
 * Reads part of a file in blocks of at most {@link BUFFER_BYTES}; a file in memory is one block.
 *
 * @param use must not keep the block, whose memory is used again
 * @throws HeartbeatError `file_too_short`
 */
export function readBlocks(
  file: RandomAccessFile,
  { start, length }: { start: number; length: number },
  use: (block: Uint8Array) => void,
): void {
  if (file.view !== undefined) {
    const block = file.view(start, length);
    if (block.length < length) throw createTooShortError(start + length, start + block.length);
    use(block);
    return;
  }
  for (let done = 0; done < length; done += BUFFER_BYTES) {
    const isWhole = length - done >= BUFFER_BYTES;
    const block = isWhole ? sharedBuffer : sharedBuffer.subarray(0, length - done);
    readFully(file, block, start + done);
    use(block);
  }
}

/**
 * Fills a buffer from a file.
 *
 * @throws HeartbeatError `file_too_short`
 */
export function readFully(file: RandomAccessFile, buffer: Uint8Array, position: number): void {
  for (let done = 0; done < buffer.length; ) {
    const count = file.read(done === 0 ? buffer : buffer.subarray(done), position + done);
    if (count === 0) throw createTooShortError(position + buffer.length, position + done);
    done += count;
  }
}

function createTooShortError(expectedEnd: number, end: number): HeartbeatError {
  return new HeartbeatError('file_too_short', `file: must have at least ${expectedEnd} bytes (ends at ${end})`);
}
