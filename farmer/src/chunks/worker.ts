import { getErrorCode, getErrorMessage } from '@downstream/platform';
import { hashFile, proveFile, writeChunk, writeRandomio } from './chunk-io.ts';
import type { Task, TaskOutcome } from './worker-pool.ts';

/**
 * The worker thread's side of the pool: one task in, its outcome and the time it took out. Failures are values,
 * since an error that crosses between threads loses its code.
 */
export default function runTask(task: Task): TaskOutcome<unknown> {
  const start = performance.now();
  try {
    const value = perform(task);
    return { ok: true, value, seconds: (performance.now() - start) / 1000 };
  } catch (error) {
    return { ok: false, code: getErrorCode(error), message: getErrorMessage(error) };
  }
}

function perform(task: Task): unknown {
  switch (task.kind) {
    case 'chunk':
      return writeChunk(task.path, task.genesisPath, task.genesisSha256, task.secret);
    case 'randomio':
      return writeRandomio(task.path, task.seed, task.size);
    case 'prove':
      return proveFile(task.path, task.challenge);
    case 'hash':
      return hashFile(task.path);
  }
}
