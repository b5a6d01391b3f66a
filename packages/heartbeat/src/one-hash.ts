import { createHash } from 'node:crypto';

/** The file-ownership challenge of Storj's heartbeat 0.1 (OneHash): prove some bytes at one place of a file. */
export interface OneHashChallenge {
  /** Offset in bytes, 0 to the file's size. */
  readonly block: number;
  /** Appended to the bytes: makes each answer usable once. */
  readonly seed: string;
}

/** A piece of a file. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

const MAX_BYTES = 1024;

/**
 * Which bytes of a file of `size` bytes a challenge asks for, in order: at most 1 024 of them, wrapping to the
 * file's start where the block lies near its end.
 *
 * @throws RangeError where `block` is not an offset in the file or its end
 */
export function computeOneHashExtents(size: number, block: number): Extent[] {
  if (!Number.isSafeInteger(block) || block < 0 || block > size) {
    throw new RangeError(`block must be an offset from 0 to ${size}, not ${block}`);
  }
  const wanted = Math.min(MAX_BYTES, Math.floor(size / 10));
  const over = block - (size - wanted);
  if (over <= 0) return [{ offset: block, length: wanted }];
  return [
    { offset: block, length: Math.min(over, size - block) },
    { offset: 0, length: wanted - over },
  ];
}

/**
 * The answer to a file-ownership challenge.
 *
 * @param pieces the bytes of {@link computeOneHashExtents}, in that order
 * @returns lowercase hex SHA-256(bytes ‖ UTF-8(seed))
 */
export function computeOneHashResponse(pieces: Iterable<Uint8Array>, seed: string): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.update(seed, 'utf8').digest('hex');
}

/**
 * The endless chain of challenge seeds: s(0) = SHA-256(root), s(i+1) = SHA-256(s(i) ‖ secret), each as lowercase hex.
 * Without the secret no seed foretells the next.
 */
export function* generateOneHashSeeds(rootSeed: string, secret: string): Generator<string, never, undefined> {
  let seed = createHash('sha256').update(rootSeed, 'utf8').digest('hex');
  for (;;) {
    yield seed;
    seed = createHash('sha256').update(seed, 'utf8').update(secret, 'utf8').digest('hex');
  }
}
