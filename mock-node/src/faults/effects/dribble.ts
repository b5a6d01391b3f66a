import { setTimeout as pause } from 'node:timers/promises';
import type { Body } from '../../api/response.ts';
import { toBlocks } from './body-prefix.ts';
import type { Damage } from './effect.ts';

export const dribble: Damage<'dribble'> = (response, { effect }, { signal }) => ({
  ...response,
  body: split(response.body, effect, signal),
});

/** Yields the first block in pieces, spread over `overMs`, and then the other blocks without delay. */
async function* split(
  body: Body,
  { pieces, overMs }: { pieces: number; overMs: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let isFirst = true;
  for (const block of toBlocks(body)) {
    // An empty piece would end the stream.
    const count = isFirst ? Math.min(pieces, block.length) : 1;
    for (let n = 0; n < count; n++) {
      if (n > 0) await pause(overMs / (count - 1), undefined, { signal });
      yield block.subarray(Math.floor((n * block.length) / count), Math.floor(((n + 1) * block.length) / count));
    }
    isFirst = false;
  }
}
