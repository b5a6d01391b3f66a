import type { Body } from '../../api/response.ts';
import { toBlocks } from './body-prefix.ts';
import type { Damage } from './effect.ts';

const SPACES = Buffer.alloc(64 * 1024, ' ');

export const oversize: Damage<'oversize'> = (response, { effect }) => ({
  ...response,
  body: pad(response.body, effect.bytes),
});

function* pad(body: Body, minBytes: number): Generator<Buffer> {
  let left = minBytes;
  for (const block of toBlocks(body)) {
    yield block;
    left -= block.length;
  }
  for (; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}
