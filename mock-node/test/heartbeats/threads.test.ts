import { describe, expect, it } from '@jest/globals';
import { HeartbeatThreads } from '../../src/heartbeats/threads.ts';

describe('HeartbeatThreads', () => {
  it('rejects a running task when it is closed, and ignores a result that arrives later', async () => {
    const threads = new HeartbeatThreads();
    const task = { kind: 'create', scheme: 'Merkle', checkFraction: 1, nodeSeed: '42' } as const;
    await threads.run(task);
    const running = expect(threads.run(task)).rejects.toThrow('worker');
    // Long enough for the thread to end the task before the event loop reads its result.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    await threads.close();
    await running;
  });
});
