import { describe, expect, it } from '@jest/globals';
import { forEachInSlices } from '../src/event-loop.ts';

describe('forEachInSlices', () => {
  it('visits all items in order, and lets other work run after each hundred', async () => {
    const visited: number[] = [];
    const seenByOthers: number[] = [];
    const observe = () => {
      seenByOthers.push(visited.length);
      if (visited.length < 250) setImmediate(observe);
    };
    setImmediate(observe);
    const items = Array.from({ length: 250 }, (_, n) => n);
    await forEachInSlices(items, (item) => visited.push(item));
    expect(visited).toEqual(items);
    expect(seenByOthers).toEqual(expect.arrayContaining([100, 200]));
  });
});
