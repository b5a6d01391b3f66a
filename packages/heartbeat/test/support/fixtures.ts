import { readFileSync } from 'node:fs';
import { randomio } from '@downstream/file-encryptor';
import { fileFromBytes, type RandomAccessFile, type RandomBytes } from '@downstream/heartbeat';

/** Known answers of the original library. */
export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));
}

export function createBytes(seed: string, size: number): Buffer {
  return Buffer.concat([...randomio(seed, size)]);
}

export function createFile(seed: string, size: number): RandomAccessFile {
  return fileFromBytes(createBytes(seed, size));
}

/** The same bytes in every run. */
export function createSeededRandom(seed: string): RandomBytes {
  let calls = 0;
  return (size) => createBytes(`${seed} ${calls++}`, size);
}

/** A file that records which bytes were read, and returns at most `maxRead` bytes at once. */
export function recordReads(file: RandomAccessFile, maxRead = Number.MAX_SAFE_INTEGER) {
  const reads: { position: number; length: number }[] = [];
  const recorded: RandomAccessFile = {
    size: file.size,
    read(buffer, position) {
      const length = file.read(buffer.subarray(0, maxRead), position);
      reads.push({ position, length });
      return length;
    },
  };
  return { file: recorded, reads };
}
