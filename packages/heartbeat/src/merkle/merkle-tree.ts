import { hash } from 'node:crypto';
import { rejectField, toBase64 } from '../json-fields.ts';
import { MAX_CHALLENGES } from './merkle-limits.ts';

export const NODE_BYTES = 32;
/** Levels of a tree that are kept in one part: a branch of 8 levels needs 2 parts of at most 960 bytes. */
const PART_LEVELS = 4;

/**
 * A hash tree. The lowest level has a power of two of places; leaves that are missing there count as empty strings.
 *
 * The nodes below the root are divided into parts, so that a prover loads only those on the branch of its leaf. A part
 * is a subtree without its root, level by level. Parts have four levels, the uppermost one has the rest. They are
 * ordered from the top, and then from the left.
 */
export interface MerkleTree {
  readonly leafCount: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Nodes of 32 bytes without separators; missing leaves are zeros. Parts that were not loaded are missing. */
  readonly parts: readonly (Uint8Array | undefined)[];
}

/** The number of levels above the leaves: ceil(log2(leafCount)). */
export function getOrder(leafCount: number): number {
  return 32 - Math.clz32(leafCount - 1);
}

/** @param leaves hashes of 32 bytes, at least one */
export function buildTree(leaves: readonly Uint8Array[]): MerkleTree {
  const order = getOrder(leaves.length);
  const parts = createParts(order);
  for (const [position, leaf] of leaves.entries()) setNode({ order, parts }, { depth: order, position }, leaf);
  let root = leaves[0] ?? Buffer.alloc(0);
  for (let depth = order - 1; depth >= 0; depth--) {
    for (let position = 0; position < 2 ** depth; position++) {
      const node = hashBytes(getChildren({ leafCount: leaves.length, parts }, depth, position));
      if (depth === 0) root = node;
      else setNode({ order, parts }, { depth, position }, node);
    }
  }
  return { leafCount: leaves.length, root, parts };
}

/** Parts of a tree without nodes, for {@link setNode}. */
export function createParts(order: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let top = 0; top < order; top = getBottom(order, top)) {
    const nodes = 2 ** (getBottom(order, top) - top + 1) - 2;
    for (let position = 0; position < 2 ** top; position++) parts.push(Buffer.alloc(nodes * NODE_BYTES));
  }
  return parts;
}

/** A place in a tree: the root has depth 0, the leaves the tree's order. Positions count from the left. */
interface Place {
  readonly depth: number;
  readonly position: number;
}

/** Sets a node below the root. */
export function setNode(
  { order, parts }: { order: number; parts: readonly Uint8Array[] },
  { depth, position }: Place,
  node: Uint8Array,
): void {
  const { part, offset } = locate(order, depth, position);
  parts[part]?.set(node, offset);
}

/** A node of 32 bytes; empty for a missing leaf. */
export function getNode(tree: MerkleTree, { depth, position }: Place): Uint8Array {
  if (depth === 0) return tree.root;
  return getChild(getChildren(tree, depth - 1, position >> 1), position % 2 === 1);
}

function getChild(children: Uint8Array, isRight: boolean): Uint8Array {
  return isRight ? children.subarray(NODE_BYTES) : children.subarray(0, NODE_BYTES);
}

/** The pairs (left, right) from a leaf to below the root. */
export function getBranch(tree: MerkleTree, leaf: number): [Uint8Array, Uint8Array][] {
  const order = getOrder(tree.leafCount);
  const branch: [Uint8Array, Uint8Array][] = [];
  for (let depth = order - 1; depth >= 0; depth--) {
    const children = getChildren(tree, depth, leaf >> (order - depth));
    branch.push([getChild(children, false), getChild(children, true)]);
  }
  return branch;
}

/** The numbers of the parts that {@link getBranch} reads. */
export function listBranchParts(leafCount: number, leaf: number): number[] {
  const order = getOrder(leafCount);
  const parts: number[] = [];
  for (let depth = order; depth > 0; depth = getTop(order, depth)) {
    parts.push(locate(order, depth, leaf >> (order - depth)).part);
  }
  return parts;
}

/** Whether each node is the hash of its children. All parts must be present. */
export function isConsistentTree(tree: MerkleTree): boolean {
  for (let depth = 0; depth < getOrder(tree.leafCount); depth++) {
    for (let position = 0; position < 2 ** depth; position++) {
      if (!isHashOfChildren(tree, { depth, position })) return false;
    }
  }
  return true;
}

/** Whether each node above a leaf is the hash of its children. */
export function isConsistentBranch(tree: MerkleTree, leaf: number): boolean {
  const order = getOrder(tree.leafCount);
  let expected: string | undefined;
  for (let depth = order - 1; depth >= 0; depth--) {
    const children = getChildren(tree, depth, leaf >> (order - depth));
    const isRight = (leaf >> (order - depth - 1)) % 2 === 1;
    if (expected !== undefined && expected !== toBase64(getChild(children, isRight))) return false;
    expected = hashToText(children);
  }
  return expected === undefined || expected === toBase64(tree.root);
}

function isHashOfChildren(tree: MerkleTree, place: Place): boolean {
  return hashToText(getChildren(tree, place.depth, place.position)) === toBase64(getNode(tree, place));
}

/** Comparing texts takes a third of the time: a hash in a buffer needs memory outside of the heap. */
function hashToText(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64');
}

/**
 * SHA-256(blob ‖ decimal text of the index).
 *
 * @param blob the HMAC of the bytes that the leaf covers
 */
export function hashLeaf({ index, blob }: { index: number; blob: Uint8Array }): Buffer {
  return hashBytes(Buffer.concat([blob, Buffer.from(String(index))]));
}

/**
 * Whether a branch leads from a leaf to a root. Stricter than the original, which accepts a node on either side of its
 * pair, and branches of any length. A prover could thereby present part of an inner node as a leaf.
 */
export function isBranchOf(
  leaf: { index: number; blob: Uint8Array },
  branch: readonly (readonly [Uint8Array, Uint8Array])[],
  { leafCount, root }: { leafCount: number; root: Uint8Array },
): boolean {
  if (leaf.index >= leafCount || branch.length !== getOrder(leafCount)) return false;
  let node = hashLeaf(leaf);
  for (const [row, [left, right]] of branch.entries()) {
    if (!node.equals((leaf.index >> row) % 2 === 0 ? left : right)) return false;
    node = hashBytes(Buffer.concat([left, right]));
  }
  return node.equals(root);
}

/** The preimage of an inner node: its children without separators, of which missing leaves are omitted. */
function getChildren(
  { leafCount, parts }: Pick<MerkleTree, 'leafCount' | 'parts'>,
  depth: number,
  position: number,
): Uint8Array {
  const order = getOrder(leafCount);
  const { part, offset } = locate(order, depth + 1, 2 * position);
  const nodes = parts[part] ?? rejectField(`tag.tree.parts[${part}]`, 'loaded', 'nothing');
  const count = depth + 1 < order ? 2 : Math.min(2, Math.max(0, leafCount - 2 * position));
  return nodes.subarray(offset, offset + count * NODE_BYTES);
}

function locate(order: number, depth: number, position: number): { part: number; offset: number } {
  const { firstPart, levels } = LEVELS[order]?.[depth] ?? rejectField('place', 'in the tree', `depth ${depth}`);
  const width = 2 ** levels;
  return { part: firstPart + (position >> levels), offset: (width - 2 + (position % width)) * NODE_BYTES };
}

/** The depth of the root of the parts that contain the nodes at a depth, at least 1. */
function getTop(order: number, depth: number): number {
  const levelsBelow = order - depth;
  return Math.max(0, order - (Math.floor(levelsBelow / PART_LEVELS) + 1) * PART_LEVELS);
}

/** The depth of the lowest nodes of a part. */
function getBottom(order: number, top: number): number {
  return order - Math.floor((order - top - 1) / PART_LEVELS) * PART_LEVELS;
}

/** For each order and depth: the first part with nodes at that depth, and how many levels they are below its root. */
const LEVELS = Array.from({ length: getOrder(MAX_CHALLENGES) + 1 }, (_, order) =>
  Array.from({ length: order + 1 }, (_, depth) => {
    const top = getTop(order, depth);
    let firstPart = 0;
    for (let above = top; above > 0; ) {
      above = getTop(order, above);
      firstPart += 2 ** above;
    }
    return { firstPart, levels: depth - top };
  }),
);

function hashBytes(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}
