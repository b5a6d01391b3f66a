import { createMerkleHeartbeat, HeartbeatError, merkle } from '@downstream/heartbeat';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFile, createSeededRandom, readFixture } from '../support/fixtures.ts';

const random = createSeededRandom('merkle-json');
const { vectors } = readFixture<{ vectors: { heartbeat: object; tag: TagJson; state_initial: object }[] }>('merkle');
interface TagJson {
  tree: { nodes: string[]; order: number; leaves: unknown[] };
  chunksz: number;
  filesz: number;
}
const [vector] = vectors;
if (!vector) throw new Error('no vector');
const [root = '', ...others] = vector.tag.tree.nodes;
const withTree = (changed: object) => ({ ...vector.tag, tree: { ...vector.tag.tree, ...changed } });
const five = vectors[1]?.tag.tree.nodes ?? [];

describe('merkle.tag', () => {
  it.each([
    ['no object', 'text', 'tag: must be an object (got a string of 4 characters)'],
    ['a negative chunk size', { ...vector.tag, chunksz: -1 }, 'tag.chunksz: must be an integer from 0 to'],
    ['a fractional chunk size', { ...vector.tag, chunksz: 1.5 }, 'tag.chunksz: must be an integer'],
    ['NaN as file size', { ...vector.tag, filesz: Number.NaN }, 'tag.filesz: must be an integer'],
    ['no file size', { ...vector.tag, filesz: undefined }, 'tag.filesz: must be an integer'],
    ['no tree', { ...vector.tag, tree: null }, 'tag.tree: must be an object (got null)'],
    ['a negative order', withTree({ order: -1 }), 'tag.tree.order: must be an integer from 0 to 16 (got -1)'],
    ['a huge order', withTree({ order: 1e9 }), 'tag.tree.order: must be an integer from 0 to 16 (got 1000000000)'],
    ['a wrong order', withTree({ order: 3 }), 'tag.tree.nodes: must be an array of 16 (got an array of 8)'],
    ['a missing node', withTree({ nodes: others }), 'tag.tree.nodes: must be an array of 8 (got an array of 7)'],
    ['an empty inner node', withTree({ nodes: ['', ...others] }), 'tag.tree.nodes[0]: must be base64 of 32 bytes'],
    ['a number as node', withTree({ nodes: [1, ...others] }), 'tag.tree.nodes[0]: must be base64 of 32 bytes (got 1)'],
    ['a short node', withTree({ nodes: ['AAAA', ...others] }), 'tag.tree.nodes[0]: must be base64 of 32 bytes'],
    ['a huge node', withTree({ nodes: ['A'.repeat(1e8), ...others] }), '(got a string of 100000000 characters)'],
    ['URL-safe base64', withTree({ nodes: [`-${root.slice(1)}`, ...others] }), 'tag.tree.nodes[0]: must be base64'],
    ['leaves', withTree({ leaves: [{ index: 0, blob: root }] }), 'tag.tree.leaves: must be an array of 0'],
    ['no leaf', withTree({ nodes: [root, root, root, '', '', '', '', ''] }), '(got 0 leaves)'],
    ['too few leaves for its order', withTree({ nodes: [root, root, root, root, root, '', '', ''] }), '(got 2 leaves)'],
    ['leaves after a gap', withTree({ nodes: [root, root, root, root, '', root, root, ''] }), '(got 3 leaves)'],
    ['a spare node', withTree({ nodes: Array(8).fill(root) }), 'tag.tree.nodes: must be a tree of order 2'],
  ])('with %s is rejected', (_, json, message) => {
    expect(() => merkle.tag.fromJSON(json)).toThrow(message);
  });

  it('without a file size, as before heartbeat 0.1.9, covers the file that is proved', () => {
    const heartbeat = createMerkleHeartbeat(random, 0.5);
    const file = createFile('file', 100);
    const { tag, state } = merkle.encode(heartbeat, file, { random, timestamp: 1 });
    const next = merkle.genChallenge(heartbeat, state);
    if (!next) throw new Error('no challenge');
    const old = merkle.tag.fromJSON(JSON.parse(JSON.stringify({ ...Object(merkle.tag.toJSON(tag)), filesz: null })));
    const proof = merkle.prove(heartbeat, file, next.challenge, old);
    expect(merkle.verify(heartbeat, proof, next.challenge, next.state)).toBe(true);
  });

  it('keeps missing leaves as empty strings, and their parent as the hash of nothing', () => {
    expect(five.slice(12)).toEqual(['', '', '', '']);
    expect(five[6]).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
    expect(merkle.tag.toJSON(merkle.tag.fromJSON(vectors[1]?.tag))).toEqual(vectors[1]?.tag);
  });
});

describe('merkle JSON', () => {
  it('is unchanged after parsing', () => {
    for (const { heartbeat, tag, state_initial } of vectors) {
      expect(merkle.heartbeat.toJSON(merkle.heartbeat.fromJSON(heartbeat))).toEqual(heartbeat);
      expect(merkle.tag.toJSON(merkle.tag.fromJSON(tag))).toEqual(tag);
      expect(merkle.state.toJSON(merkle.state.fromJSON(state_initial))).toEqual(state_initial);
    }
  });

  it.each([
    ['heartbeat', { key: '', check_fraction: Number.NaN }, 'heartbeat.check_fraction: must be a number'],
    ['heartbeat', { key: '', check_fraction: -0.1 }, 'heartbeat.check_fraction: must be a number'],
    ['heartbeat', { key: 'A'.repeat(2000), check_fraction: null }, 'heartbeat.key: must be base64 of 0 to 1024 bytes'],
    ['state', { ...vector.state_initial, n: 1e9 }, 'state.n: must be an integer from 1 to 65536 (got 1000000000)'],
    ['state', { ...vector.state_initial, index: 5 }, 'state.index: must be an integer from 0 to 4 (got 5)'],
    ['state', { ...vector.state_initial, timestamp: Number.NaN }, 'state.timestamp: must be a number'],
    ['challenge', { seed: root, index: '0' }, 'challenge.index: must be an integer'],
    ['challenge', { seed: 'AAAA', index: 0 }, 'challenge.seed: must be base64 of 32 bytes'],
    ['proof', { leaf: { index: 0, blob: '' }, branch: { rows: [] } }, 'proof.leaf.blob: must be base64 of 32 bytes'],
    [
      'proof',
      { leaf: { index: 0, blob: root }, branch: { rows: [[root]] } },
      'proof.branch.rows[0]: must be an array of',
    ],
    [
      'proof',
      { leaf: { index: 0, blob: root }, branch: { rows: Array(17) } },
      'proof.branch.rows: must be an array of',
    ],
  ] as const)('of a %s is rejected: %j', (kind, json, message) => {
    expect(() => merkle[kind].fromJSON(json)).toThrow(message);
  });

  it('of any other shape is rejected with a HeartbeatError', () => {
    fc.assert(
      fc.property(fc.constantFrom('heartbeat', 'tag', 'state', 'challenge', 'proof'), fc.jsonValue(), (kind, json) => {
        expect(() => merkle[kind].fromJSON(json)).toThrow(HeartbeatError);
      }),
    );
  });
});
