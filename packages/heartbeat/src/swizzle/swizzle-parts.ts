import { readInteger, readObject, toBuffer } from '../json-fields.ts';
import type { DividedTag, ReadPart } from '../proof-scheme.ts';
import { BinaryReader, encodeNumber } from './binary.ts';
import { selectChunks } from './swizzle-chunks.ts';
import { MAX_CHUNKS, type SwizzleChallenge, type SwizzleTag } from './swizzle-types.ts';

/** Authenticators per part: 924 bytes with a prime of 1024 bits. */
const PART_CHUNKS = 7;

export function divideTag({ sigma }: SwizzleTag): DividedTag {
  const parts: Uint8Array[] = [];
  for (let first = 0; first < sigma.length; first += PART_CHUNKS) {
    parts.push(Buffer.concat(sigma.slice(first, first + PART_CHUNKS).map(encodeNumber)));
  }
  return { head: { chunkCount: sigma.length }, parts, challengeCount: undefined };
}

/** Loads only the parts with authenticators of the covered chunks. */
export function loadTag(head: unknown, challenge: SwizzleChallenge, readPart: ReadPart): SwizzleTag {
  const chunkCount = readInteger(readObject(head, 'head')['chunkCount'], 'head.chunkCount', 1, MAX_CHUNKS);
  const sigma: bigint[] = Array(chunkCount);
  for (const chunk of selectChunks(challenge, chunkCount)) {
    if (sigma[chunk] !== undefined) continue;
    const part = Math.floor(chunk / PART_CHUNKS);
    const reader = new BinaryReader(toBuffer(readPart(part)), `part[${part}]`);
    const end = Math.min(chunkCount, (part + 1) * PART_CHUNKS);
    for (let each = part * PART_CHUNKS; each < end; each++) sigma[each] = reader.readNumber(`sigma[${each}]`);
    reader.end();
  }
  return { sigma };
}
