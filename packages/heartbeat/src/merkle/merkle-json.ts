import { readArray, readBase64, readInteger, readNumber, readObject, rejectField, toBase64 } from '../json-fields.ts';
import type { Codec } from '../proof-scheme.ts';
import { MAX_CHALLENGES } from './merkle-limits.ts';
import { createParts, getNode, getOrder, type MerkleTree, NODE_BYTES, setNode } from './merkle-tree.ts';
import type { MerkleChallenge, MerkleHeartbeat, MerkleProof, MerkleState, MerkleTag } from './merkle-types.ts';

const MAX_ORDER = getOrder(MAX_CHALLENGES);
/** Root seeds and keys that callers choose; those of the library have 32 bytes. */
const MAX_SECRET_BYTES = 1024;
/** Python and JavaScript write larger numbers differently. */
export const MAX_TIMESTAMP = 1e15;

export const heartbeatCodec: Codec<MerkleHeartbeat> = {
  toJSON: ({ key, checkFraction }) => ({ key: toBase64(key), check_fraction: checkFraction }),
  fromJSON(json) {
    const { key, check_fraction } = readObject(json, 'heartbeat');
    return {
      key: readBase64(key, 'heartbeat.key', 0, MAX_SECRET_BYTES),
      checkFraction:
        check_fraction === null ? null : readNumber(check_fraction, 'heartbeat.check_fraction', 0, Number.MAX_VALUE),
    };
  },
};

export const tagCodec: Codec<MerkleTag> = {
  toJSON: ({ tree, chunkSize, fileSize }) => ({ tree: treeToJson(tree), chunksz: chunkSize, filesz: fileSize }),
  fromJSON(json) {
    const { tree, chunksz, filesz } = readObject(json, 'tag');
    return {
      chunkSize: readInteger(chunksz, 'tag.chunksz', 0),
      fileSize: filesz === null ? null : readInteger(filesz, 'tag.filesz', 0, Number.MAX_SAFE_INTEGER - 1),
      tree: treeFromJson(tree),
    };
  },
};

/** The array of nodes goes from the root to the leaves. It has one more entry than the tree, which is always empty. */
function treeToJson(tree: MerkleTree): unknown {
  const order = getOrder(tree.leafCount);
  const nodes: string[] = [];
  for (let depth = 0; depth <= order; depth++) {
    for (let position = 0; position < 2 ** depth; position++) nodes.push(toBase64(getNode(tree, { depth, position })));
  }
  return { nodes: [...nodes, ''], order, leaves: [] };
}

function treeFromJson(json: unknown): MerkleTree {
  const fields = readObject(json, 'tag.tree');
  const order = readInteger(fields['order'], 'tag.tree.order', 0, MAX_ORDER);
  const width = 2 ** order;
  const texts = readArray(fields['nodes'], 'tag.tree.nodes', 2 * width, 2 * width);
  readArray(fields['leaves'], 'tag.tree.leaves', 0, 0);
  const leaves = texts.slice(width - 1);
  const leafCount = leaves.indexOf('');
  if (leafCount < 1 || getOrder(leafCount) !== order || leaves.slice(leafCount).some((text) => text !== '')) {
    const count = leaves.filter((text) => text !== '').length;
    rejectField('tag.tree.nodes', `a tree of order ${order}, whose leaves precede the empty places`, `${count} leaves`);
  }
  const readNode = (index: number) => readBase64(texts[index], `tag.tree.nodes[${index}]`, NODE_BYTES, NODE_BYTES);
  const parts = createParts(order);
  for (let index = 1; index < width - 1 + leafCount; index++) {
    const depth = Math.floor(Math.log2(index + 1));
    setNode({ order, parts }, { depth, position: index + 1 - 2 ** depth }, readNode(index));
  }
  return { leafCount, root: readNode(0), parts };
}

export const stateCodec: Codec<MerkleState> = {
  toJSON: ({ index, seed, challengeCount, root, signature, timestamp }) => ({
    index,
    seed: toBase64(seed),
    n: challengeCount,
    root: toBase64(root),
    hmac: toBase64(signature),
    timestamp,
  }),
  fromJSON(json) {
    const { index, seed, n, root, hmac, timestamp } = readObject(json, 'state');
    const challengeCount = readInteger(n, 'state.n', 1, MAX_CHALLENGES);
    return {
      index: readInteger(index, 'state.index', 0, challengeCount),
      seed: readBase64(seed, 'state.seed', 0, MAX_SECRET_BYTES),
      challengeCount,
      root: readBase64(root, 'state.root', NODE_BYTES, NODE_BYTES),
      signature: readBase64(hmac, 'state.hmac', NODE_BYTES, NODE_BYTES),
      timestamp: readNumber(timestamp, 'state.timestamp', 0, MAX_TIMESTAMP),
    };
  },
};

export const challengeCodec: Codec<MerkleChallenge> = {
  toJSON: ({ seed, index }) => ({ seed: toBase64(seed), index }),
  fromJSON(json) {
    const { seed, index } = readObject(json, 'challenge');
    return {
      seed: readBase64(seed, 'challenge.seed', 32, 32),
      index: readInteger(index, 'challenge.index', 0, MAX_CHALLENGES - 1),
    };
  },
};

export const proofCodec: Codec<MerkleProof> = {
  toJSON: ({ leaf, branch }) => ({
    leaf: { index: leaf.index, blob: toBase64(leaf.blob) },
    branch: { rows: branch.map((row) => row.map(toBase64)) },
  }),
  fromJSON(json) {
    const fields = readObject(json, 'proof');
    const { index, blob } = readObject(fields['leaf'], 'proof.leaf');
    const { rows } = readObject(fields['branch'], 'proof.branch');
    return {
      leaf: {
        index: readInteger(index, 'proof.leaf.index', 0, MAX_CHALLENGES - 1),
        blob: readBase64(blob, 'proof.leaf.blob', 32, 32),
      },
      branch: readArray(rows, 'proof.branch.rows', 0, MAX_ORDER).map((row, number) => {
        const path = `proof.branch.rows[${number}]`;
        const [left, right] = readArray(row, path, 2, 2);
        return [readBranchNode(left, `${path}[0]`), readBranchNode(right, `${path}[1]`)];
      }),
    };
  },
};

function readBranchNode(json: unknown, path: string): Buffer {
  return json === '' ? Buffer.alloc(0) : readBase64(json, path, NODE_BYTES, NODE_BYTES);
}
