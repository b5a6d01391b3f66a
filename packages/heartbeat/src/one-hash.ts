import { createHash } from 'node:crypto';

/** The file-ownership challenge of Storj's heartbeat 0.1 (OneHash): prove the bytes at one offset of a file. */
export interface OneHashChallenge {
  /** An offset in bytes, from 0 to the file's size. */
  readonly block: number;
  /** Appended to the bytes, so that a response cannot be reused. */
  readonly seed: string;
}

export interface Extent {
  readonly offset: number;
  readonly length: number;
}

const MAX_BYTES = 1024;

/**
 * The parts of a file that a challenge covers: at most 1024 bytes, wrapping from the end to the start of the file.
 *
 * @throws RangeError if `block` is not from 0 to `size`
 */
export function computeOneHashExtents(size: number, block: number): Extent[] {
  if (!Number.isSafeInteger(block) || block < 0 || block > size) {
    throw new RangeError(`block must be from 0 to ${size} (got ${block})`);
  }
  const length = Math.min(MAX_BYTES, Math.floor(size / 10));
  const over = block - (size - length);
  if (over <= 0) return [{ offset: block, length }];
  return [
    { offset: block, length: Math.min(over, size - block) },
    { offset: 0, length: length - over },
  ];
}

/**
 * @param pieces the bytes of {@link computeOneHashExtents}, in order
 * @returns lowercase hex SHA-256(bytes ‖ UTF-8(seed))
 */
export function computeOneHashResponse(pieces: Iterable<Uint8Array>, seed: string): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.update(seed, 'utf8').digest('hex');
}

/**
 * Yields an endless sequence of challenge seeds: s(0) = SHA-256(root), s(i+1) = SHA-256(s(i) ‖ secret), in lowercase
 * hex. The next seed cannot be predicted without the secret.
 */
export function* generateOneHashSeeds(rootSeed: string, secret: string): Generator<string, never, undefined> {
  let seed = createHash('sha256').update(rootSeed, 'utf8').digest('hex');
  for (;;) {
    yield seed;
    seed = createHash('sha256').update(seed, 'utf8').update(secret, 'utf8').digest('hex');
  }
}
