import { describe, expect, it } from '@jest/globals';
import { forEachInSlices, SLICE_MS } from '../src/event-loop.ts';

const ITEMS = Array.from({ length: 250 }, (_, n) => n);

/** Visits all items. @returns how many had been visited at each turn of other work */
async function visitAll({ msPerItem }: { msPerItem: number }): Promise<number[]> {
  const visited: number[] = [];
  const seenByOthers: number[] = [];
  const observe = () => {
    seenByOthers.push(visited.length);
    if (visited.length < ITEMS.length) setImmediate(observe);
  };
  setImmediate(observe);
  await forEachInSlices(
    ITEMS,
    (item) => visited.push(item),
    () => visited.length * msPerItem,
  );
  expect(visited).toEqual(ITEMS);
  return seenByOthers;
}

describe('forEachInSlices', () => {
  it('visits all items in order, and lets other work run after each hundred', async () => {
    expect(await visitAll({ msPerItem: 0 })).toEqual(expect.arrayContaining([100, 200]));
  });

  it('lets other work run when the items take long', async () => {
    expect(await visitAll({ msPerItem: SLICE_MS / 10 })).toEqual(expect.arrayContaining([11, 22, 33]));
  });
});
