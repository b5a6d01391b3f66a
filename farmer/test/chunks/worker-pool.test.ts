import { describe, expect, it } from '@jest/globals';
import { WorkerPool } from '../../src/chunks/worker-pool.ts';
import { ChunkFolder } from '../fakes/chunk-folder.ts';

const folder = new ChunkFolder();
const createLongTask = () => ({ kind: 'randomio', path: folder.join('big'), seed: 's', size: 1 << 30 }) as const;

describe('WorkerPool', () => {
  it('aborts a task that exceeds its timeout, and runs the next one', async () => {
    const pool = new WorkerPool({ workers: 1 });
    await expect(pool.run(createLongTask(), { timeoutMs: 50 })).rejects.toMatchObject({ code: 'slow' });
    const result = await pool.run({ kind: 'randomio', path: folder.join('small'), seed: 's', size: 10 });
    expect(result.value).toHaveLength(64);
    await pool.close();
  });

  it('rejects a running task as interrupted when it is closed', async () => {
    const pool = new WorkerPool({ workers: 1 });
    const rejected = expect(pool.run(createLongTask())).rejects.toMatchObject({ code: 'interrupted' });
    await pool.close();
    await rejected;
  });
});
