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

const begun = new WorkerPool({ workers: 1 });
const before = await work(begun);
const files: number[] = [];
try {
  for (;;) files.push(openSync('/dev/null', 'r'));
} catch {
  // None is left.
}
const unborn = new WorkerPool({ workers: 1 });
const meanwhile = [await work(begun), await work(unborn), await work(unborn)];
for (const file of files) closeSync(file);
const afterwards = [await work(begun), await work(unborn)];
await Promise.all([begun.close(), unborn.close()]);
process.stdout.write(JSON.stringify({ before, meanwhile, afterwards }));
