import { settle } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Priority, WorkQueue } from '../../src/farming/work-queue.ts';

const OPTIONS = { concurrency: 2, slowAfterMs: 1_000 };

/** A queue, a clock to advance, and jobs that end on request. */
function aQueue(options = OPTIONS) {
  let now = 0;
  const started: number[] = [];
  const ends = new Map<number, () => void>();
  const queue = new WorkQueue(options, { now: () => now });
  return {
    queue,
    started,
    add: (dueAt: number, priority?: Priority) => {
      const job = async () => {
        started.push(dueAt);
        await new Promise<void>((resolve) => ends.set(dueAt, resolve));
      };
      queue.add(dueAt, job, priority);
    },
    end: async (dueAt: number) => {
      ends.get(dueAt)?.();
      await settle();
    },
    pass: (ms: number) => {
      now += ms;
      queue.freeSlowSlots();
    },
  };
}

describe('WorkQueue', () => {
  it('starts jobs by deadline, up to the concurrency limit', async () => {
    const { queue, started, add, end } = aQueue();
    for (const dueAt of [50, 40, 30, 20]) add(dueAt);
    expect(started).toEqual([50, 40]);
    expect(queue).toMatchObject({ waiting: 2, running: 2, size: 4 });
    await end(50);
    expect(started).toEqual([50, 40, 20]);
  });

  it('starts jobs by priority, whatever their deadlines', async () => {
    const { queue } = aQueue({ ...OPTIONS, concurrency: 1 });
    const started: string[] = [];
    const job = (name: string) => async () => void started.push(name);
    queue.add(0, job('first'));
    queue.add(1, job('idle'), 'idle');
    queue.add(2, job('normal'), 'normal');
    queue.add(3, job('urgent'));
    expect(queue.waiting).toBe(3);
    await queue.waitForSizeBelow(1);
    expect(started).toEqual(['first', 'urgent', 'normal', 'idle']);
  });

  it('does not delay other jobs when one hangs', async () => {
    const { queue, started, add, end, pass } = aQueue();
    for (const dueAt of [1, 2, 3, 4]) add(dueAt);
    pass(999);
    expect(started).toEqual([1, 2]);
    pass(1);
    expect(started).toEqual([1, 2, 3, 4]);
    expect(queue).toMatchObject({ slow: 2, running: 4, waiting: 0 });
    await end(1);
    await end(2);
    expect(queue).toMatchObject({ slow: 0, running: 2 });
  });

  it('limits how many slow jobs give up their slots', () => {
    const { queue, started, add, pass } = aQueue();
    for (const dueAt of [1, 2, 3, 4, 5]) add(dueAt);
    pass(1_000);
    pass(1_000);
    expect(started).toEqual([1, 2, 3, 4]);
    expect(queue).toMatchObject({ slow: 2, running: 4, waiting: 1 });
  });

  it('keeps a slot for urgent jobs, even if all others hang', async () => {
    const { started, add, end, pass } = aQueue();
    for (const dueAt of [1, 2, 3, 4, 5]) add(dueAt, 'normal');
    for (let seconds = 0; seconds < 10; seconds++) pass(1_000);
    expect(started).toEqual([1, 2, 3]);
    add(6);
    expect(started).toEqual([1, 2, 3, 6]);
    await end(6);
    expect(started).toEqual([1, 2, 3, 6]);
    await end(1);
    expect(started).toEqual([1, 2, 3, 6, 4]);
  });

  it('resolves waitForSizeBelow when few enough jobs are left', async () => {
    const { queue, add, end } = aQueue();
    add(1);
    add(2);
    let isResolved = false;
    const wait = queue.waitForSizeBelow(2).then(() => {
      isResolved = true;
    });
    await settle();
    expect(isResolved).toBe(false);
    await end(1);
    await wait;
    expect(isResolved).toBe(true);
  });

  it('never exceeds its limits and never loses a job, for any sequence of events', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), dueAt: fc.nat(1_000_000) }),
      fc.record({ kind: fc.constant('end' as const), nth: fc.nat(10) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(2_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const { queue, started, add, end, pass } = aQueue();
        const added = new Set<number>();
        const ended = new Set<number>();
        for (const each of steps) {
          if (each.kind === 'add' && !added.has(each.dueAt)) {
            added.add(each.dueAt);
            add(each.dueAt);
          }
          if (each.kind === 'pass') pass(each.ms);
          if (each.kind === 'end') {
            const running = started.filter((job) => !ended.has(job));
            const job = running[each.nth % Math.max(1, running.length)];
            if (job === undefined) continue;
            ended.add(job);
            await end(job);
          }
          expect(queue.running).toBeLessThanOrEqual(2 * OPTIONS.concurrency);
          expect(queue.size).toBe(added.size - ended.size);
          expect(queue.waiting === 0 || queue.running - queue.slow === OPTIONS.concurrency).toBe(true);
        }
        for (
          let job = started.find((one) => !ended.has(one));
          job !== undefined;
          job = started.find((one) => !ended.has(one))
        ) {
          ended.add(job);
          await end(job);
        }
        expect([...started].sort()).toEqual([...added].sort());
      }),
      { numRuns: 50 },
    );
  });
});
