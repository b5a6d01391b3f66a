import { readBase64, readInteger, readObject, toBase64, toBuffer } from '../json-fields.ts';
import type { DividedTag, ReadPart } from '../proof-scheme.ts';
import { MAX_CHALLENGES } from './merkle-limits.ts';
import { listBranchParts, NODE_BYTES } from './merkle-tree.ts';
import type { MerkleChallenge, MerkleTag } from './merkle-types.ts';

/** The parts are those of the tree. All must be present. */
export function divideTag({ tree, chunkSize, fileSize }: MerkleTag): DividedTag {
  const { leafCount, root, parts } = tree;
  return {
    head: { leafCount, root: toBase64(root), chunkSize, fileSize },
    parts: parts.filter((part) => part !== undefined),
    challengeCount: leafCount,
  };
}

/** Loads only the parts with the challenge's branch. */
export function loadTag(head: unknown, { index }: MerkleChallenge, readPart: ReadPart): MerkleTag {
  const { leafCount: count, root, chunkSize, fileSize } = readObject(head, 'head');
  const leafCount = readInteger(count, 'head.leafCount', 1, MAX_CHALLENGES);
  const parts: Uint8Array[] = [];
  if (index < leafCount) for (const part of listBranchParts(leafCount, index)) parts[part] = toBuffer(readPart(part));
  return {
    tree: { leafCount, root: readBase64(root, 'head.root', NODE_BYTES, NODE_BYTES), parts },
    chunkSize: readInteger(chunkSize, 'head.chunkSize', 0),
    fileSize: fileSize === null ? null : readInteger(fileSize, 'head.fileSize', 0),
  };
}
