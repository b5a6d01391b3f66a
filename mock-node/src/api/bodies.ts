import { setTimeout as pause } from 'node:timers/promises';

/** All of a body, or its blocks in order. */
export type Body = Buffer | Iterable<Buffer>;

/** Of a body whose length is not known before, so much counts as its beginning. */
export const PREFIX_BYTES = 64 * 1024;
const BLANKS = Buffer.alloc(PREFIX_BYTES, ' ');

/** The first bytes of a body; of one whose length is known one less than all of it at most. */
export function* firstOf(body: Body, most: number): Generator<Buffer> {
  let left = Buffer.isBuffer(body) ? Math.min(most, body.length - 1) : most;
  for (const block of blocksOf(body)) {
    if (left <= 0) return;
    yield block.subarray(0, left);
    left -= block.length;
  }
}

/** Half of a body's beginning: where it was JSON, it is none. */
export function halfOf(body: Body): Buffer {
  const first = Buffer.concat([...firstOf(body, PREFIX_BYTES)]);
  return first.subarray(0, Math.ceil(first.length / 2));
}

/** A body whose first block comes in pieces, spread over so many milliseconds; what there is beyond comes at once. */
export async function* inPieces(
  body: Body,
  { pieces, overMs }: { pieces: number; overMs: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let isFirst = true;
  for (const block of blocksOf(body)) {
    // No piece is empty: that would be the end.
    const parts = isFirst ? Math.min(pieces, block.length) : 1;
    for (let part = 0; part < parts; part++) {
      if (part > 0) await pause(overMs / (parts - 1), undefined, { signal });
      yield block.subarray(Math.floor((part * block.length) / parts), Math.floor(((part + 1) * block.length) / parts));
    }
    isFirst = false;
  }
}

/** A body, and blanks after it up to so many bytes. */
export function* blownUp(body: Body, bytes: number): Generator<Buffer> {
  let left = bytes;
  for (const block of blocksOf(body)) {
    yield block;
    left -= block.length;
  }
  for (; left > 0; left -= BLANKS.length) yield BLANKS.subarray(0, left);
}

function blocksOf(body: Body): Iterable<Buffer> {
  return Buffer.isBuffer(body) ? [body] : body;
}
