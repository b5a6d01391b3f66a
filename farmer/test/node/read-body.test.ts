import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { readBody } from '../../src/node/read-body.ts';

const SLICES = 64;
/** Delivered by the socket at once. */
const BODY = Buffer.alloc(SLICES * 16 * 1024, 'x');

/** The number of turns that other work has while the body is read. */
async function countTurns(now: () => number): Promise<number> {
  let turns = 0;
  const count = () => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  let text = '';
  for await (const piece of readBody(Readable.from([BODY]), { route: 'due', maxBytes: BODY.length }, now))
    text += piece;
  clearImmediate(counting);
  expect(text).toBe(BODY.toString());
  return turns;
}

describe('readBody', () => {
  it('gives other work a turn whenever reading has taken more than 2 ms', async () => {
    let now = 0;
    const turns = await countTurns(() => {
      now += 6;
      return now;
    });
    expect(turns).toBeGreaterThanOrEqual(SLICES - 1);
  });

  it('needs few turns while reading is fast, because each takes long on a busy machine', async () => {
    expect(await countTurns(() => 0)).toBeLessThan(5);
  });
});
