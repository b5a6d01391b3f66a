import type { Damage } from './effect.ts';

const BLOCK_NODES = 1_024;
/** A node of a Merkle tree and a comma. */
const NODE = `"${Buffer.alloc(32, 'x').toString('base64')}",`;
const MERKLE_BLOCK = Buffer.from(NODE.repeat(BLOCK_NODES));
const SWIZZLE_BLOCK = Buffer.alloc(48 * BLOCK_NODES, 'A');
/** Marks the place of the tag. No response contains it. */
const PLACE = '\u0000tag';

export const largeTag: Damage<'large_tag'> = (response, { effect: { bytes } }) => {
  const { chunks } = JSON.parse(String(response.body));
  const [first, ...others] = chunks ?? [];
  if (first === undefined) return response;
  const text = JSON.stringify({ chunks: [{ ...first, tag: PLACE }, ...others] });
  const [before = '', after = ''] = text.split(JSON.stringify(PLACE));
  return { ...response, body: createBody({ before, after, bytes, isText: typeof first.tag === 'string' }) };
};

function* createBody(parts: { before: string; after: string; bytes: number; isText: boolean }): Generator<Buffer> {
  const { before, after, bytes, isText } = parts;
  const block = isText ? SWIZZLE_BLOCK : MERKLE_BLOCK;
  yield Buffer.from(before + (isText ? '"' : '{"tree":{"order":8,"leaves":[],"nodes":['));
  for (let left = bytes; left > 0; left -= block.length) yield block;
  yield Buffer.from((isText ? '"' : '""]},"chunksz":1,"filesz":1}') + after);
}
