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
}

/** A file in memory. */
export function fileFromBytes(bytes: Uint8Array): RandomAccessFile {
  return {
    size: bytes.length,
    read(buffer, position) {
      const part = bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
  };
}

/**
 * Fills a buffer from a file.
 *
 * @throws HeartbeatError `file_too_short`
 */
export function readFully(file: RandomAccessFile, buffer: Uint8Array, position: number): void {
  for (let done = 0; done < buffer.length; ) {
    const count = file.read(done === 0 ? buffer : buffer.subarray(done), position + done);
    if (count === 0) {
      const end = position + buffer.length;
      throw new HeartbeatError('file_too_short', `file: must have at least ${end} bytes (ends at ${position + done})`);
    }
    done += count;
  }
}
