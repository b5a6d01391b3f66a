import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DeadlineQueue } from '../../src/contract/deadline-queue.ts';

describe('the deadline queue', () => {
  it('gives what was put in, earliest due first, however adding and taking are mixed', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(1000))), (steps) => {
        const queue = new DeadlineQueue<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) {
            model.sort((a, b) => a - b);
            expect(queue.peek()?.dueAt).toBe(model[0]);
            expect(queue.take()?.value).toBe(model.shift());
          } else {
            queue.add(step, step);
            model.push(step);
          }
          expect(queue.size).toBe(model.length);
        }
      }),
    );
  });
});
