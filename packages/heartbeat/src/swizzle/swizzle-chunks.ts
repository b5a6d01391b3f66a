import { BUFFER_BYTES, type RandomAccessFile, readFully } from '../random-access-file.ts';
import { countBits, toBigInt } from './big-number.ts';
import { createSwizzlePrf } from './swizzle-prf.ts';
import type { SwizzleChallenge, SwizzleHeartbeat } from './swizzle-types.ts';

/** Bytes per sector: as many as are always below the prime. */
export function getSectorSize(prime: bigint): number {
  return Math.floor(countBits(prime) / 8);
}

/** The last chunk may be empty: it is short by at least one byte. */
export function countChunks({ sectors, prime }: SwizzleHeartbeat, fileSize: number): number {
  return Math.floor(fileSize / (sectors * getSectorSize(prime))) + 1;
}

/** The numbers of the chunks that a challenge covers, possibly with repetitions. */
export function selectChunks({ chunks, key }: SwizzleChallenge, chunkCount: number): number[] {
  const draws = Array.from({ length: Math.min(chunks, chunkCount) }, (_, draw) => draw);
  if (chunks >= chunkCount) return draws;
  const draw = createSwizzlePrf(key, BigInt(chunkCount));
  return draws.map((index) => Number(draw(index)));
}

/**
 * The sectors of chunks as numbers. Adjacent chunks are read together, so that reading all chunks takes few calls.
 *
 * @param indices numbers of chunks, in any order
 * @yields for each index the numbers of its sectors; those after the end of the file are omitted
 */
export function* readSectors(
  { sectors, prime }: SwizzleHeartbeat,
  file: RandomAccessFile,
  indices: Iterable<number>,
): Generator<bigint[], void, undefined> {
  const sectorSize = getSectorSize(prime);
  const chunkSize = sectors * sectorSize;
  const chunksPerRead = Math.max(1, Math.floor(BUFFER_BYTES / chunkSize));
  const buffer = Buffer.allocUnsafe(chunksPerRead * chunkSize);
  let [first, end] = [0, 0];
  let previous = -1;
  for (const index of indices) {
    if (index < first || index >= end) {
      [first, end] = [index, index + (index === previous + 1 ? chunksPerRead : 1)];
      const start = Math.min(first * chunkSize, file.size);
      readFully(file, buffer.subarray(0, Math.min(end * chunkSize, file.size) - start), start);
    }
    const length = Math.max(0, Math.min(chunkSize, file.size - index * chunkSize));
    const offset = (index - first) * chunkSize;
    const numbers: bigint[] = [];
    for (let done = 0; done < length; done += sectorSize) {
      numbers.push(toBigInt(buffer, offset + done, offset + Math.min(done + sectorSize, length)));
    }
    previous = index;
    yield numbers;
  }
}
