import { closeSync, openSync } from 'node:fs';
import { getErrorCode } from '@downstream/platform';
import { WorkerPool } from '../../src/chunks/worker-pool.ts';

/**
 * A process that exhausts its file descriptors and then closes them. Prints the results of hashing a file before,
 * during and after that. Start it with a low limit.
 */
const [path = ''] = process.argv.slice(2);
const work = async (pool: WorkerPool) => {
  try {
    return (await pool.run({ kind: 'hash', path }, { timeoutMs: 10_000 })).value;
  } catch (error) {
    return getErrorCode(error);
  }
};

const started = new WorkerPool({ workers: 1 });
const before = await work(started);
const files: number[] = [];
try {
  for (;;) files.push(openSync('/dev/null', 'r'));
} catch {
  // The limit is reached.
}
const fresh = new WorkerPool({ workers: 1 });
const during = [await work(started), await work(fresh), await work(fresh)];
for (const file of files) closeSync(file);
const after = [await work(started), await work(fresh)];
await Promise.all([started.close(), fresh.close()]);
process.stdout.write(JSON.stringify({ before, during, after }));
