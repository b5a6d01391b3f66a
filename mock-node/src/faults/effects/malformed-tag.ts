import type { EffectByKind } from '@downstream/control-api';
import { editEntries } from './edit-body.ts';
import type { Violation } from './effect.ts';

type Shape = EffectByKind['malformed_tag']['shape'];

/** A Merkle tag of the node, as far as it is changed. */
interface MerkleTag {
  readonly tree: { readonly order: number; readonly nodes: readonly string[] };
}

/** The binary form of a Swizzle tag begins with the count of its numbers. Each number follows its length. */
const COUNT_BYTES = 4;
const LENGTH_BYTES = 4;
const MAX_COUNT = 2 ** 32 - 1;

export const malformedTag: Violation<'malformed_tag'> =
  (handle, { contract, effect: { shape } }) =>
  async (call) =>
    editEntries(await handle(call), contract, (chunk) => [{ ...chunk, tag: damage(chunk.tag, shape) }]);

function damage(tag: unknown, shape: Shape): unknown {
  if (shape === 'wrong_type') return typeof tag === 'string' ? {} : 'tag';
  if (typeof tag === 'string') {
    const bytes = Buffer.from(tag, 'base64');
    return bytes.length < COUNT_BYTES + LENGTH_BYTES ? tag : damageSwizzle(bytes, shape);
  }
  return isMerkleTag(tag) ? damageMerkle(tag, shape) : tag;
}

function isMerkleTag(tag: unknown): tag is MerkleTag {
  return typeof tag === 'object' && tag !== null && 'tree' in tag;
}

function damageMerkle(tag: MerkleTag, shape: Exclude<Shape, 'wrong_type'>): unknown {
  const { order, nodes } = tag.tree;
  const change = () => {
    switch (shape) {
      case 'wrong_order':
        return { order: order + 1 };
      case 'missing_nodes':
        return { nodes: nodes.slice(0, nodes.length / 2) };
      case 'huge_count':
        return { order: 62 };
      case 'inconsistent': {
        const firstLeaf = 2 ** order - 1;
        const [first = '', second = ''] = nodes.slice(firstLeaf);
        return { nodes: nodes.toSpliced(firstLeaf, 2, second, first) };
      }
    }
  };
  return { ...tag, tree: { ...tag.tree, ...change() } };
}

function damageSwizzle(bytes: Buffer, shape: Exclude<Shape, 'wrong_type'>): string {
  const change = () => {
    switch (shape) {
      case 'wrong_order':
        return writeCount(bytes, Math.min(bytes.readUInt32LE() + 1, MAX_COUNT));
      case 'missing_nodes':
        return bytes.subarray(0, Math.ceil(bytes.length / 2));
      case 'huge_count':
        return writeCount(bytes, MAX_COUNT);
      case 'inconsistent': {
        const numberStart = COUNT_BYTES + LENGTH_BYTES;
        const changed = Buffer.from(bytes);
        changed.subarray(numberStart, numberStart + bytes.readUInt32LE(COUNT_BYTES)).fill(0xff);
        return changed;
      }
    }
  };
  return change().toString('base64');
}

function writeCount(bytes: Buffer, count: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(count);
  return changed;
}
