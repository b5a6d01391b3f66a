import { createSwizzleHeartbeat, fileFromBytes, swizzle } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import { createBytes, createSeededRandom } from '../support/fixtures.ts';

const random = createSeededRandom('swizzle-parts');
const heartbeat = createSwizzleHeartbeat(random, { primeBits: 256, sectors: 2 });
// 64 bytes a chunk: 51 chunks in 8 parts.
const file = fileFromBytes(createBytes('file', 3205));
const { tag, state } = swizzle.encode(heartbeat, file, { random });
const { head, parts, challengeCount } = swizzle.divideTag(tag);

function load(chunks: number) {
  const { challenge } = swizzle.genChallenge(heartbeat, state, random);
  const read = new Set<number>();
  const loaded = swizzle.loadTag(JSON.parse(JSON.stringify(head)), { ...challenge, chunks }, (part) => {
    read.add(part);
    return Uint8Array.from(parts[part] ?? []);
  });
  return { challenge: { ...challenge, chunks }, loaded, read };
}

describe('a divided Swizzle tag', () => {
  it.each([0, 1, 3, 50, 51, 1000])('yields the same proof as the whole tag for a challenge of %p chunks', (chunks) => {
    const { challenge, loaded } = load(chunks);
    const proof = swizzle.prove(heartbeat, file, challenge, loaded);
    expect(proof).toEqual(swizzle.prove(heartbeat, file, challenge, tag));
    expect(swizzle.verify(heartbeat, proof, challenge, state)).toBe(true);
  });

  it('has parts of seven authenticators, of which only those of the drawn chunks are read', () => {
    expect({ parts: parts.length, read: load(1).read.size, all: load(51).read.size, none: load(0).read.size }).toEqual({
      parts: 8,
      read: 1,
      all: 8,
      none: 0,
    });
  });

  it('has challenges that never run out', () => {
    expect(challengeCount).toBeUndefined();
  });

  it('does not prove another challenge than the one it was loaded for', () => {
    const { loaded } = load(1);
    const { challenge } = swizzle.genChallenge(heartbeat, state, random);
    expect(() => swizzle.prove(heartbeat, file, challenge, loaded)).toThrow('must be loaded (got nothing)');
  });

  it('rejects a part that is incomplete', () => {
    const { challenge } = swizzle.genChallenge(heartbeat, state, random);
    expect(() => swizzle.loadTag(head, challenge, (part) => parts[part]?.subarray(1) ?? Buffer.alloc(0))).toThrow(
      expect.objectContaining({ code: 'invalid_data' }),
    );
  });
});

describe('swizzle.isTagOf', () => {
  it('compares the number of chunks', () => {
    const sizes = [3199, 3200, 3263, 3264];
    expect(sizes.map((size) => swizzle.isTagOf(heartbeat, tag, size))).toEqual([false, true, true, false]);
  });
});
