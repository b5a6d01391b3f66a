import type { Body } from '../../api/response.ts';

/** How much of a body of unknown length counts as its beginning. */
export const PREFIX_BYTES = 64 * 1024;

/** The first bytes of a body. Of a body of known length, at least the last byte is missing. */
export function* readPrefix(body: Body, maxBytes: number): Generator<Buffer> {
  let left = Buffer.isBuffer(body) ? Math.min(maxBytes, body.length - 1) : maxBytes;
  for (const block of toBlocks(body)) {
    if (left <= 0) return;
    yield block.subarray(0, left);
    left -= block.length;
  }
}

export function toBlocks(body: Body): Iterable<Buffer> {
  return Buffer.isBuffer(body) ? [body] : body;
}
