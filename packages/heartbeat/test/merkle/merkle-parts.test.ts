import { createMerkleHeartbeat, fileFromBytes, merkle } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createBytes, createSeededRandom } from '../support/fixtures.ts';

const random = createSeededRandom('merkle-parts');
const heartbeat = createMerkleHeartbeat(random);
const bytes = createBytes('file', 100);
const file = fileFromBytes(bytes);

/** A divided tag whose parts record that they were read. */
function createCase(challenges: number) {
  const { tag } = merkle.encode(heartbeat, file, { random, timestamp: 1, challenges });
  const { head, parts } = merkle.divideTag(tag);
  const read: number[] = [];
  const readPart = (part: number) => {
    read.push(part);
    return Buffer.from(parts[part] ?? Buffer.alloc(0));
  };
  return { tag, head: JSON.parse(JSON.stringify(head)), parts, readPart, read };
}

describe('a divided Merkle tag', () => {
  it('yields the same proof as the whole tag for every challenge, from at most a part for each four levels', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(), (challenges, draw) => {
        const { tag, head, readPart, read } = createCase(challenges);
        const challenge = { index: draw % challenges, seed: random(32) };
        const loaded = merkle.loadTag(head, challenge, readPart);
        expect(merkle.prove(heartbeat, file, challenge, loaded)).toEqual(merkle.prove(heartbeat, file, challenge, tag));
        expect(merkle.isTagOf(heartbeat, tag, bytes.length)).toBe(true);
        expect(read.length).toBe(Math.ceil(Math.ceil(Math.log2(challenges)) / 4));
      }),
      { numRuns: 50 },
    );
  });

  it('of 256 challenges has 17 parts of 960 bytes, of which a proof needs two', () => {
    const { head, parts, readPart, read } = createCase(256);
    expect(parts.map(({ length }) => length)).toEqual(Array(17).fill(960));
    merkle.loadTag(head, { index: 255, seed: random(32) }, readPart);
    expect(read.sort()).toEqual([0, 16]);
  });

  it('reads no part for a challenge that the tag does not have', () => {
    const { head, readPart, read } = createCase(5);
    const challenge = { index: 5, seed: random(32) };
    const loaded = merkle.loadTag(head, challenge, readPart);
    expect(() => merkle.prove(heartbeat, file, challenge, loaded)).toThrow("must be below 5, the tag's leaves (got 5)");
    expect(read).toEqual([]);
  });

  it('does not prove another challenge than the one it was loaded for', () => {
    const { head, readPart } = createCase(256);
    const loaded = merkle.loadTag(head, { index: 0, seed: random(32) }, readPart);
    expect(() => merkle.prove(heartbeat, file, { index: 255, seed: random(32) }, loaded)).toThrow(
      'tag.tree.parts[16]: must be loaded (got nothing)',
    );
  });

  it('rejects a head that was changed', () => {
    const { head, readPart } = createCase(5);
    for (const changed of [{ leafCount: 1e9 }, { root: 'AA==' }, { chunkSize: -1 }, { fileSize: 'x' }]) {
      expect(() => merkle.loadTag({ ...head, ...changed }, { index: 0, seed: random(32) }, readPart)).toThrow(
        expect.objectContaining({ code: 'invalid_data' }),
      );
    }
  });
});

describe('merkle.checkProof', () => {
  it('distinguishes a changed tag from a changed file, whatever node of the branch changed', () => {
    const { state } = merkle.encode(heartbeat, file, { random, timestamp: 1, challenges: 1 });
    const challenge = merkle.genChallenge(heartbeat, state)?.challenge;
    if (!challenge) throw new Error('no challenge');
    const seed = state.seed;
    const { tag } = merkle.encode(heartbeat, file, { random, timestamp: 1, challenges: 200, seed });
    const { head, parts } = merkle.divideTag(tag);
    const check = (content: Buffer, changed?: { part: number; at: number }, root = {}) => {
      const loaded = merkle.loadTag({ ...Object(head), ...root }, challenge, (part) => {
        const copy = Buffer.from(parts[part] ?? []);
        if (part === changed?.part) copy.writeUInt8(copy.readUInt8(changed.at) ^ 1, changed.at);
        return copy;
      });
      return merkle.checkProof(merkle.prove(heartbeat, fileFromBytes(content), challenge, loaded), challenge, loaded);
    };
    const changedFile = Buffer.from(bytes).fill(0);
    expect({
      intact: check(bytes),
      file: check(changedFile),
      leaf: check(bytes, { part: 1, at: 14 * 32 }),
      sibling: check(bytes, { part: 1, at: 15 * 32 }),
      top: check(bytes, { part: 0, at: 0 }),
      root: check(bytes, undefined, { root: Buffer.alloc(32).toString('base64') }),
      both: check(changedFile, { part: 0, at: 0 }),
    }).toEqual({
      intact: 'correct',
      file: 'corrupt_file',
      leaf: 'corrupt_tag',
      sibling: 'corrupt_tag',
      top: 'corrupt_tag',
      root: 'corrupt_tag',
      both: 'corrupt_tag',
    });
  });
});

describe('merkle.isTagOf', () => {
  it('rejects a tree in which any node was changed, and a tag of another file size', () => {
    const { tag } = createCase(5);
    expect(merkle.isTagOf(heartbeat, tag, 100)).toBe(true);
    expect(merkle.isTagOf(heartbeat, tag, 99)).toBe(false);
    const json = JSON.parse(JSON.stringify(merkle.tag.toJSON(tag)));
    const nodes: string[] = json.tree.nodes;
    for (const [index, node] of nodes.entries()) {
      if (node === '') continue;
      const changed = nodes.with(index, Buffer.alloc(32).toString('base64'));
      const other = merkle.tag.fromJSON({ ...json, tree: { ...json.tree, nodes: changed } });
      expect(merkle.isTagOf(heartbeat, other, 100)).toBe(false);
    }
  });
});
