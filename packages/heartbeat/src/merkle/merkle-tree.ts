import { hash } from 'node:crypto';

export const NODE_BYTES = 32;
const NO_NODE = Buffer.alloc(0);

/**
 * A hash tree as an array heap: the root has index 0, the children of i are 2i + 1 and 2i + 2. The lowest level has a
 * power of two of places; leaves that are missing there count as empty strings.
 */
export interface MerkleTree {
  readonly leafCount: number;
  /** All nodes without separators; missing leaves are zeros. */
  readonly nodes: Uint8Array;
}

/** The number of levels above the leaves: ceil(log2(leafCount)). */
export function getOrder(leafCount: number): number {
  return 32 - Math.clz32(leafCount - 1);
}

/** @param leaves hashes of 32 bytes, at least one */
export function buildTree(leaves: readonly Uint8Array[]): MerkleTree {
  const width = 2 ** getOrder(leaves.length);
  const tree = { leafCount: leaves.length, nodes: Buffer.alloc((2 * width - 1) * NODE_BYTES) };
  leaves.forEach((leaf, index) => {
    tree.nodes.set(leaf, (width - 1 + index) * NODE_BYTES);
  });
  for (let index = width - 2; index >= 0; index--) {
    tree.nodes.set(hashPair(getNode(tree, 2 * index + 1), getNode(tree, 2 * index + 2)), index * NODE_BYTES);
  }
  return tree;
}

/** A node of 32 bytes; empty for a missing leaf. */
export function getNode({ leafCount, nodes }: MerkleTree, index: number): Uint8Array {
  const width = 2 ** getOrder(leafCount);
  if (index >= width - 1 + leafCount) return NO_NODE;
  return nodes.subarray(index * NODE_BYTES, (index + 1) * NODE_BYTES);
}

/** The pairs (left, right) from a leaf to below the root. */
export function getBranch(tree: MerkleTree, leaf: number): [Uint8Array, Uint8Array][] {
  const order = getOrder(tree.leafCount);
  return Array.from({ length: order }, (_, row) => {
    const firstOfRow = 2 ** (order - row) - 1;
    const left = firstOfRow + (leaf >> row) - ((leaf >> row) % 2);
    return [getNode(tree, left), getNode(tree, left + 1)];
  });
}

/**
 * SHA-256(blob ‖ decimal text of the index).
 *
 * @param blob the HMAC of the bytes that the leaf covers
 */
export function hashLeaf({ index, blob }: { index: number; blob: Uint8Array }): Buffer {
  return hash('sha256', Buffer.concat([blob, Buffer.from(String(index))]), 'buffer');
}

function hashPair(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([left, right]), 'buffer');
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
    node = hashPair(left, right);
  }
  return node.equals(root);
}
