import type { Connection } from '../../api/connection.ts';
import type { Body } from '../../api/response.ts';
import { toBlocks } from './body-prefix.ts';
import type { Damage } from './effect.ts';

export const dribble: Damage<'dribble'> = (response, { effect }, { sleep }) => ({
  ...response,
  body: split(response.body, effect, sleep),
});

/** Yields the first block in pieces, spread over `overMs`, and then the other blocks without delay. */
async function* split(
  body: Body,
  { pieces, overMs }: { pieces: number; overMs: number },
  sleep: Connection['sleep'],
): AsyncGenerator<Buffer> {
  let isFirst = true;
  for (const block of toBlocks(body)) {
    // An empty piece would end the stream.
    const count = isFirst ? Math.min(pieces, block.length) : 1;
    for (let n = 0; n < count; n++) {
      if (n > 0) await sleep(overMs / (count - 1));
      yield block.subarray(Math.floor((n * block.length) / count), Math.floor(((n + 1) * block.length) / count));
    }
    isFirst = false;
  }
}
