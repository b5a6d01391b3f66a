import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DeadlineQueue } from '../../src/contract/deadline-queue.ts';

describe('DeadlineQueue', () => {
  it('returns the earliest deadline first, in any order of push and pop', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(1000))), (steps) => {
        const queue = new DeadlineQueue<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) {
            model.sort((a, b) => a - b);
            expect(queue.peek()?.dueAt).toBe(model[0]);
            expect(queue.pop()?.value).toBe(model.shift());
          } else {
            queue.push({ dueAt: step, value: step });
            model.push(step);
          }
          expect(queue.length).toBe(model.length);
        }
      }),
    );
  });
});
